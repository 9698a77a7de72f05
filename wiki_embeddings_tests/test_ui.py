"""The Dagster UI as a person sees it: the real webserver and daemon, in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from wiki_embeddings_tests.homes import SMALL, cli, command, environment

ASSETS = ["raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset"]
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def browser_path() -> str | None:
    """The browser to drive: the one that is named, else one that is installed."""
    named = os.environ.get("WIKI_EMBEDDINGS_BROWSER")
    return named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


@pytest.fixture(scope="module")
def ui(tmp_path_factory) -> Iterator[str]:
    """Address of a UI on a home in which a small part of the sample has been materialized."""
    home = tmp_path_factory.mktemp("ui")
    ran = cli(home, "run", "--wiki", "sample", *SMALL)
    assert ran.returncode == 0, ran.stderr
    port = _free_port()
    with (
        (home / "ui.log").open("wb") as log,
        subprocess.Popen(
            command("ui", "--port", str(port)), env=environment(home), stdout=log, stderr=log
        ) as serving,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, serving, home / "ui.log")
            yield address
        finally:
            serving.terminate()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(address: str, serving: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        assert serving.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)


@pytest.fixture(scope="module")
def page(ui: str) -> Iterator[Page]:
    executable = browser_path()
    if executable is None:
        pytest.skip("no Chromium is installed; name one in WIKI_EMBEDDINGS_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        yield page
        browser.close()
