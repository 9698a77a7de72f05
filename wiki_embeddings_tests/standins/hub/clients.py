"""Clients of a local Hub in other processes, where libraries start as for users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from wiki_embeddings_tests.standins.hub.local_hub import LocalHub


def client_environment(
    hub: LocalHub, home: Path, disable_xet: str = "1", token: str = ""
) -> dict[str, str]:
    """The environment of a client.

    Args:
        hub: The Hub.
        home: Folder for its caches.
        disable_xet: `1` to upload by LFS, `0` by Xet.
        token: The token; empty for an anonymous client.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if "PROXY" not in name.upper() and name != "HF_TOKEN"
    } | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": disable_xet}
    return environment | ({"HF_TOKEN": token} if token else {})


def run_client(
    code: str, hub: LocalHub, home: Path, disable_xet: str = "1", token: str = ""
) -> object:
    """Run code to its end, and return the JSON of its last line."""
    environment = client_environment(hub, home, disable_xet, token)
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout.splitlines()[-1])


def start_client(
    code: str, hub: LocalHub, home: Path, disable_xet: str = "1", token: str = ""
) -> subprocess.Popen[str]:
    """Start code that the test kills, or waits for."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=client_environment(hub, home, disable_xet, token),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
