"""A repository with a large, a small and an empty file, and helpers to download from it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from wiki_embeddings.hub_files import HubFile, HubSnapshot, RetryPolicy, download, resolve
from wiki_embeddings_tests.standins.hub import LocalHub

REPO = "somebody/something"
LARGE = "data/weights.safetensors"
SMALL = "config.json"
QUICK_POLICY = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, read_timeout_s=0.5)


def random_bytes(size: int, seed: int = 0) -> bytes:
    return hashlib.shake_128(seed.to_bytes(8)).digest(size)


WEIGHTS = random_bytes(1_000_000)
CONFIG = b'{"hidden_size": 384}\n'
FILES = {LARGE: WEIGHTS, SMALL: CONFIG, "empty.txt": b""}


def add_repository(hub: LocalHub, *, private: bool = False, gated: bool = False) -> HubSnapshot:
    hub.add(REPO, FILES, repo_type="model", private=private, gated=gated)
    return resolve(REPO, repo_type="model", revision="main", policy=QUICK_POLICY)


def file_at(snapshot: HubSnapshot, path: str = LARGE) -> HubFile:
    return next(file for file in snapshot.files if file.path == path)


def fetch(
    snapshot: HubSnapshot,
    destination: Path,
    path: str = LARGE,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    file = file_at(snapshot, path)
    download(snapshot, file, destination, progress=progress, policy=QUICK_POLICY)


def partial_path(destination: Path) -> Path:
    return destination.with_name(destination.name + ".partial")


def store_ranges(hub: LocalHub) -> list[str | None]:
    return [request.headers.get("range") for request in hub.requests("/store/")]


DOWNLOAD_SCRIPT = """
import sys
from pathlib import Path
from wiki_embeddings.hub_files import download, resolve
snapshot = resolve(sys.argv[1], repo_type="model", revision="main")
file = next(file for file in snapshot.files if file.path == sys.argv[2])
download(snapshot, file, Path(sys.argv[3]))
"""


def start_download(destination: Path, code: str = DOWNLOAD_SCRIPT) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, REPO, LARGE, str(destination)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
