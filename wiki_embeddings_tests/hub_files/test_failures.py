"""A network or a disk that is not there is explained."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import resolve
from wiki_embeddings.hub_files.partial import PartialFile
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
from wiki_embeddings_tests.hub_local import LocalHub


def test_a_closed_port_is_explained(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)

    with pytest.raises(WikiEmbeddingsError, match=f"{address}.*HF_ENDPOINT.*HTTPS_PROXY") as caught:
        resolve(REPO, repo_type="dataset", revision="main", patience=HASTY)

    assert not isinstance(caught.value, BadInputError)
    assert not hub.served


def test_a_full_disk_is_named_and_what_was_fetched_is_kept(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    destination = tmp_path / "weights"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
    process = start_process(destination, limit + DOWNLOAD_IN_A_PROCESS)
    _, errors = process.communicate()

    assert f"The disk of {tmp_path} is full" in errors.splitlines()[-1]
    assert partial_of(destination).read_bytes() == WEIGHTS[:300_000]
    fetch(snapshot, destination)
    assert store_ranges(hub)[1:] == ["bytes=300000-"]
    assert destination.read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EACCES, "No permission to write"),
        (errno.EROFS, "No permission to write"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_that_does_not_take_the_bytes_is_explained(
    monkeypatch: pytest.MonkeyPatch, hub: LocalHub, tmp_path: Path, code: int, says: str
):
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    snapshot = snapshot_of(hub)
    monkeypatch.setattr(PartialFile, "append", fail)

    with pytest.raises(WikiEmbeddingsError, match=says) as caught:
        fetch(snapshot, tmp_path / "weights")

    assert str(tmp_path) in str(caught.value)


def test_a_file_in_the_place_of_the_folder_is_explained(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    (tmp_path / "folder").write_text("a file")

    with pytest.raises(WikiEmbeddingsError, match=f"Cannot write in {tmp_path}/folder"):
        fetch(snapshot, tmp_path / "folder" / "weights")
