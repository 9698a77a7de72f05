"""`wiki-embeddings serve` as a process, and its JSON."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wiki_embeddings_tests.support.homes import command, environment


@contextmanager
def served_page(home: Path, *arguments: str, **more: str) -> Iterator[str]:
    """Serve the search page of a home, and yield its address.

    Args:
        home: The home.
        arguments: What to search.
        more: Further environment variables.
    """
    with (
        (home / "serve.log").open("wb") as log,
        subprocess.Popen(
            command("serve", "--port", "0", *arguments),
            env=environment(home, **more),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as serving,
    ):
        try:
            assert serving.stdout
            line = serving.stdout.readline()  # it listens before it says so
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line + (home / "serve.log").read_text()
            yield found[0]
        finally:
            serving.terminate()
            assert serving.wait(60) == 0, (home / "serve.log").read_text()


def post(
    address: str, content: Any, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Send JSON (or bytes, as they are), and return the status and the answer."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = urllib.request.Request(address, data=body, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode()
            is_json = error.headers["Content-Type"] == "application/json"
            return error.code, json.loads(text) if is_json else {"error": text}
