"""Errors of the network and of the disk are explained."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from wiki_embeddings.downloads.partial_file import PartialFile
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import resolve
from wiki_embeddings.volume import UnusableVolumeError
from wiki_embeddings_tests.hub_files.fetching import (
    DOWNLOAD_SCRIPT,
    QUICK_POLICY,
    REPO,
    WEIGHTS,
    add_repository,
    fetch,
    partial_path,
    start_download,
    store_ranges,
)
from wiki_embeddings_tests.standins.hub import LocalHub


def test_a_closed_port_is_explained(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)

    with pytest.raises(WikiEmbeddingsError, match=f"{address}.*HF_ENDPOINT.*HTTPS_PROXY") as caught:
        resolve(REPO, repo_type="dataset", revision="main", policy=QUICK_POLICY)

    assert not isinstance(caught.value, BadInputError)
    assert not hub.served


def test_a_full_disk_is_reported_and_downloaded_bytes_are_kept(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    destination = tmp_path / "weights"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
    process = start_download(destination, limit + DOWNLOAD_SCRIPT)
    _, errors = process.communicate()

    last = errors.splitlines()[-1]
    assert f"UnusableVolumeError: Cannot write to {tmp_path}: the file system takes no" in last
    assert partial_path(destination).read_bytes() == WEIGHTS[:300_000]
    fetch(snapshot, destination)
    assert store_ranges(hub)[1:] == ["bytes=300000-"]
    assert destination.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "this user may not write there"),
        (errno.EROFS, "it is mounted read-only"),
    ],
)
def test_a_disk_that_cannot_be_written_to_is_explained(
    monkeypatch: pytest.MonkeyPatch, hub: LocalHub, tmp_path: Path, code: int, message: str
):
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    snapshot = add_repository(hub)
    monkeypatch.setattr(PartialFile, "append", fail)

    with pytest.raises(UnusableVolumeError, match=f"Cannot write to {tmp_path}: {message}"):
        fetch(snapshot, tmp_path / "weights")


def test_a_file_where_the_folder_should_be_is_explained(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    (tmp_path / "folder").write_text("a file")

    message = f"Cannot write to {tmp_path}/folder: a file is in the way"
    with pytest.raises(UnusableVolumeError, match=message):
        fetch(snapshot, tmp_path / "folder" / "weights")
