"""The real webserver and daemon on a home, and their GraphQL API."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wiki_embeddings_tests.support.homes import command, environment


@contextmanager
def served_ui(home: Path, **more: str) -> Iterator[str]:
    """Serve the UI of a home, and yield its address.

    Args:
        home: The home.
        more: Further environment variables.
    """
    port = _free_port()
    with (
        (home / "ui.log").open("wb") as log,
        subprocess.Popen(
            command("ui", "--port", str(port)),
            env=environment(home, **more),
            stdout=log,
            stderr=log,
        ) as serving,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, serving, home / "ui.log")
            yield address
        finally:
            serving.terminate()


def graphql(ui: str, query: str, variables: Mapping[str, Any] | None = None) -> Any:
    """Query Dagster's GraphQL server."""
    request = urllib.request.Request(
        f"{ui}/graphql",
        data=json.dumps({"query": query, "variables": dict(variables or {})}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = json.load(answer)
    assert "errors" not in content, content
    return content["data"]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(address: str, serving: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the command says that the UI is there, which it does once the UI answers."""
    deadline = time.monotonic() + 90
    while address not in log.read_text():
        assert serving.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    with urllib.request.urlopen(f"{address}/server_info", timeout=30):
        pass
