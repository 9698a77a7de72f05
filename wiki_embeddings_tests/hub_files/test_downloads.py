"""Files arrive whole, verified, and only once."""

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
    fetch,
    partial_of,
    random_bytes,
    snapshot_of,
)
from wiki_embeddings_tests.standins.hub import LocalHub


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_file_arrives_whole_with_nothing_left_beside_it_but_its_lock(
    hub: LocalHub, tmp_path: Path, path: str
):
    destination = tmp_path / "new" / "folder" / "file"
    told: list[int] = []

    fetch(snapshot_of(hub), destination, path, told.append)

    assert destination.read_bytes() == FILES[path]
    assert sum(told) == len(FILES[path])
    assert {entry.name for entry in destination.parent.iterdir()} <= {"file", "file.lock"}


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_what_is_there_already_is_not_fetched_again(hub: LocalHub, tmp_path: Path, path: str):
    snapshot = snapshot_of(hub)
    (tmp_path / "file").write_bytes(FILES[path])
    hub.served.clear()
    told: list[int] = []

    fetch(snapshot, tmp_path / "file", path, told.append)

    assert not hub.served
    assert sum(told) == len(FILES[path])


@pytest.mark.parametrize("there", [b"", b"short", bytes(len(WEIGHTS)), WEIGHTS + b"more"])
def test_a_wrong_file_in_the_place_is_replaced(hub: LocalHub, tmp_path: Path, there: bytes):
    (tmp_path / "weights").write_bytes(there)

    fetch(snapshot_of(hub), tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_partial_file_that_is_complete_is_used_without_a_request(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    partial_of(tmp_path / "weights").write_bytes(WEIGHTS)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert not hub.requests("/resolve/")


def test_two_at_once_fetch_a_file_once(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
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
def test_altered_bytes_are_fetched_afresh_once(hub: LocalHub, tmp_path: Path, path: str):
    snapshot = snapshot_of(hub)
    hub.alter(path)

    fetch(snapshot, tmp_path / "file", path)

    assert (tmp_path / "file").read_bytes() == FILES[path]


@pytest.mark.parametrize("path", [LARGE, SMALL])
def test_bytes_that_are_altered_twice_are_deleted_and_named(
    hub: LocalHub, tmp_path: Path, path: str
):
    snapshot = snapshot_of(hub)
    hub.alter(path, times=2)

    with pytest.raises(WikiEmbeddingsError, match=f"{path}.*came twice with other bytes"):
        fetch(snapshot, tmp_path / "file", path)

    assert {entry.name for entry in tmp_path.iterdir()} == {"file.lock"}


@pytest.mark.parametrize("size", [300_000, 999_999, 1_000_000, 2_000_000])
def test_a_partial_file_of_other_bytes_is_not_trusted(hub: LocalHub, tmp_path: Path, size: int):
    snapshot = snapshot_of(hub)
    partial_of(tmp_path / "weights").write_bytes(random_bytes(size, seed=1))

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_file_that_shrank_for_a_moment_is_fetched_whole(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.truncate("/store/", 300_000)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_a_file_that_is_shorter_than_announced_is_given_up(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.truncate("/store/", 300_000, times=99)

    with pytest.raises(WikiEmbeddingsError, match="300000"):
        fetch(snapshot, tmp_path / "weights")

    assert not (tmp_path / "weights").exists()


def test_a_file_that_is_longer_than_announced_is_not_read_to_its_end(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    longer = {**FILES, LARGE: WEIGHTS + bytes(30_000_000)}
    hub.add(REPO, longer, repo_type="model", commit=snapshot.commit)

    with pytest.raises(WikiEmbeddingsError, match="other bytes"):
        fetch(snapshot, tmp_path / "weights")

    assert hub.body_bytes("/store/") < len(longer[LARGE])
    assert not (tmp_path / "weights").exists()
