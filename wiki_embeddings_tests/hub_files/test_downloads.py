"""Files are downloaded completely, verified, and only once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings_tests.hub_files.fetching import (
    FILES,
    LARGE,
    REPO,
    SMALL,
    WEIGHTS,
    add_repository,
    fetch,
    partial_path,
    random_bytes,
)
from wiki_embeddings_tests.standins.hub import LocalHub


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_download_is_complete_and_leaves_only_its_lock(hub: LocalHub, tmp_path: Path, path: str):
    destination = tmp_path / "new" / "folder" / "file"
    progress: list[int] = []

    fetch(add_repository(hub), destination, path, progress.append)

    assert destination.read_bytes() == FILES[path]
    assert sum(progress) == len(FILES[path])
    assert {entry.name for entry in destination.parent.iterdir()} <= {"file", "file.lock"}


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_an_existing_file_is_not_downloaded_again(hub: LocalHub, tmp_path: Path, path: str):
    snapshot = add_repository(hub)
    (tmp_path / "file").write_bytes(FILES[path])
    hub.served.clear()
    progress: list[int] = []

    fetch(snapshot, tmp_path / "file", path, progress.append)

    assert not hub.served
    assert sum(progress) == len(FILES[path])


@pytest.mark.parametrize("content", [b"", b"short", bytes(len(WEIGHTS)), WEIGHTS + b"more"])
def test_a_wrong_file_at_the_destination_is_replaced(hub: LocalHub, tmp_path: Path, content: bytes):
    (tmp_path / "weights").write_bytes(content)

    fetch(add_repository(hub), tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_complete_partial_file_is_used_without_a_request(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    partial_path(tmp_path / "weights").write_bytes(WEIGHTS)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert not hub.requests("/resolve/")


def test_four_threads_download_a_file_once(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    threads = [
        threading.Thread(target=fetch, args=(snapshot, tmp_path / "weights")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert hub.body_bytes("/store/") == len(WEIGHTS)


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_altered_bytes_are_downloaded_again_once(hub: LocalHub, tmp_path: Path, path: str):
    snapshot = add_repository(hub)
    hub.alter(path)

    fetch(snapshot, tmp_path / "file", path)

    assert (tmp_path / "file").read_bytes() == FILES[path]


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_bytes_altered_twice_are_deleted_and_reported(hub: LocalHub, tmp_path: Path, path: str):
    snapshot = add_repository(hub)
    hub.alter(path, times=2)

    with pytest.raises(WikiEmbeddingsError, match=f"{path}.*arrived twice with other bytes"):
        fetch(snapshot, tmp_path / "file", path)

    assert {entry.name for entry in tmp_path.iterdir()} == {"file.lock"}


@pytest.mark.parametrize("size", [300_000, 999_999, 1_000_000, 2_000_000])
def test_a_partial_file_with_wrong_bytes_is_replaced(hub: LocalHub, tmp_path: Path, size: int):
    snapshot = add_repository(hub)
    partial_path(tmp_path / "weights").write_bytes(random_bytes(size, seed=1))

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_response_cut_short_once_is_completed(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.truncate("/store/", 300_000)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_file_shorter_than_listed_is_given_up(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.truncate("/store/", 300_000, times=99)

    with pytest.raises(WikiEmbeddingsError, match="300000"):
        fetch(snapshot, tmp_path / "weights")

    assert not (tmp_path / "weights").exists()


def test_a_file_longer_than_listed_is_not_read_to_its_end(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    longer = {**FILES, LARGE: WEIGHTS + bytes(30_000_000)}
    hub.add(REPO, longer, repo_type="model", commit=snapshot.commit)

    with pytest.raises(WikiEmbeddingsError, match="other bytes"):
        fetch(snapshot, tmp_path / "weights")

    assert hub.body_bytes("/store/") < len(longer[LARGE])
    assert not (tmp_path / "weights").exists()
