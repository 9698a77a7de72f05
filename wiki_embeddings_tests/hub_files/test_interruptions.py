"""Connections break, servers fall silent, processes are killed: nothing is fetched twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import HubFile, download
from wiki_embeddings_tests.hub_files.fetching import (
    HASTY,
    REPO,
    SMALL,
    WEIGHTS,
    fetch,
    partial_of,
    snapshot_of,
    start_process,
    store_ranges,
)
from wiki_embeddings_tests.standins.hub import LocalHub


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_broken_connection_is_resumed_where_it_broke(hub: LocalHub, tmp_path: Path, reset: bool):
    snapshot = snapshot_of(hub)
    hub.cut("/store/", 300_000, times=2, reset=reset)
    told: list[int] = []

    fetch(snapshot, tmp_path / "weights", progress=told.append)

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert sum(told) == len(WEIGHTS)
    assert min(told) > 0
    if not reset:
        assert store_ranges(hub) == [None, "bytes=300000-", "bytes=600000-"]
        assert hub.body_bytes("/store/") == len(WEIGHTS)


def test_a_stalled_connection_is_given_up_and_resumed(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.stall("/store/", 300_000)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert store_ranges(hub) == [None, "bytes=300000-"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("match", ["/resolve/", "/store/"])
def test_an_outage_of_a_moment_is_waited_for(
    hub: LocalHub, tmp_path: Path, match: str, status: int
):
    snapshot = snapshot_of(hub)
    hub.fail(match, status, times=2)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Retry-After", lambda: "1"),
        ("Retry-After", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=2))),
        ("RateLimit", lambda: '"resolvers";r=0;t=1'),
    ],
    ids=["seconds", "date", "hub"],
)
def test_a_server_that_names_a_time_is_left_alone_for_so_long(
    hub: LocalHub, tmp_path: Path, name: str, value: Callable[[], str]
):
    snapshot = snapshot_of(hub)
    hub.fail("/resolve/", 429, headers={name: value()})

    fetch(snapshot, tmp_path / "config.json", SMALL)

    first, second = hub.requests(f"{REPO}/resolve/")
    assert second.at - first.at >= 0.9


def test_a_server_that_wants_hours_is_not_waited_for(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.fail("/resolve/", 429, headers={"Retry-After": "7200"})

    with pytest.raises(WikiEmbeddingsError, match=r"status 429.*later"):
        fetch(snapshot, tmp_path / "weights")


def test_an_outage_that_lasts_ends_in_an_error_and_keeps_what_is_there(
    hub: LocalHub, tmp_path: Path
):
    snapshot = snapshot_of(hub)
    hub.cut("/store/", 300_000)
    hub.fail("/store/", 503, times=9)

    with pytest.raises(WikiEmbeddingsError, match="status 503") as caught:
        fetch(snapshot, tmp_path / "weights")

    assert not isinstance(caught.value, BadInputError)
    assert partial_of(tmp_path / "weights").read_bytes() == WEIGHTS[:300_000]
    assert len(hub.requests("/store/")) == HASTY.attempts + 1


def test_progress_renews_patience(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.cut("/store/", 100_000, times=9)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert hub.body_bytes("/store/") == len(WEIGHTS)


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    hub.cut("/store/", 300_000)
    hub.ignore_range("/store/")
    told: list[int] = []

    fetch(snapshot, tmp_path / "weights", progress=told.append)

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert sum(told) == len(WEIGHTS)


def test_a_server_that_always_begins_again_and_never_ends_is_given_up(
    hub: LocalHub, tmp_path: Path
):
    snapshot = snapshot_of(hub)
    hub.ignore_range("/store/", cut_after=300_000, times=99)

    with pytest.raises(WikiEmbeddingsError, match="Cannot read"):
        fetch(snapshot, tmp_path / "weights")

    assert len(hub.requests("/store/")) == HASTY.attempts + 1


@pytest.mark.parametrize("match", ["/resolve/", "/store/"])
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_final(hub: LocalHub, tmp_path: Path, match: str, status: int):
    snapshot = snapshot_of(hub)
    hub.fail(match, status)

    with pytest.raises(BadInputError, match=r"Cannot read data/weights\.safetensors"):
        fetch(snapshot, tmp_path / "weights")

    assert len(hub.requests(match)) == 1


def test_a_file_that_is_not_there_is_named(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    absent = HubFile("absent.bin", size=1, blob_id="", sha256="0" * 64)

    with pytest.raises(BadInputError, match=r"absent\.bin.*no such file"):
        download(snapshot, absent, tmp_path / "absent", policy=HASTY)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_killed_process_loses_no_byte_that_it_has_fetched(hub: LocalHub, tmp_path: Path):
    snapshot = snapshot_of(hub)
    destination = tmp_path / "weights"
    hub.stall("/store/", 400_000)
    process = start_process(destination)
    partial = partial_of(destination)
    wait_until(lambda: partial.exists() and partial.stat().st_size == 400_000)

    process.send_signal(signal.SIGKILL)
    process.communicate()
    fetch(snapshot, destination)

    assert destination.read_bytes() == WEIGHTS
    assert store_ranges(hub) == [None, "bytes=400000-"]
    assert hub.body_bytes("/store/") == len(WEIGHTS)
