"""A network or a disk that is not there is explained."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import resolve
from wiki_embeddings.hub_files.partial_file import PartialFile
from wiki_embeddings.volume import UnusableVolumeError
from wiki_embeddings_tests.hub_files.fetching import (
    DOWNLOAD_IN_A_PROCESS,
    HASTY,
    REPO,
    WEIGHTS,
    fetch,
    partial_of,
    snapshot_of,
    start_process,
    store_ranges,
)
from wiki_embeddings_tests.standins.hub import LocalHub


def test_a_closed_port_is_explained(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)

    with pytest.raises(WikiEmbeddingsError, match=f"{address}.*HF_ENDPOINT.*HTTPS_PROXY") as caught:
        resolve(REPO, repo_type="dataset", revision="main", policy=HASTY)

    assert not isinstance(caught.value, BadInputError)
    assert not hub.served


def test_a_full_disk_is_named_and_what_was_fetched_is_kept(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    destination = tmp_path / "weights"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
    process = start_process(destination, limit + DOWNLOAD_IN_A_PROCESS)
    _, errors = process.communicate()

    last = errors.splitlines()[-1]
    assert f"UnusableVolumeError: Cannot write to {tmp_path}: the file system takes no" in last
    assert partial_of(destination).read_bytes() == WEIGHTS[:300_000]
    fetch(snapshot, destination)
    assert store_ranges(hub)[1:] == ["bytes=300000-"]
    assert destination.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "this user may not write there"),
        (errno.EROFS, "it is mounted read-only"),
    ],
)
def test_a_disk_that_does_not_take_the_bytes_is_explained(
    monkeypatch: pytest.MonkeyPatch, hub: LocalHub, tmp_path: Path, code: int, says: str
):
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    snapshot = snapshot_of(hub)
    monkeypatch.setattr(PartialFile, "append", fail)

    with pytest.raises(UnusableVolumeError, match=f"Cannot write to {tmp_path}: {says}"):
        fetch(snapshot, tmp_path / "weights")


def test_a_file_in_the_place_of_the_folder_is_explained(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    (tmp_path / "folder").write_text("a file")

    in_the_way = f"Cannot write to {tmp_path}/folder: a file is in the way"
    with pytest.raises(UnusableVolumeError, match=in_the_way):
        fetch(snapshot, tmp_path / "folder" / "weights")
