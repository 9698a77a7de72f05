"""Connections break, servers stall, processes are killed: no byte is downloaded twice."""

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
    QUICK_POLICY,
    REPO,
    SMALL,
    WEIGHTS,
    add_repository,
    fetch,
    partial_path,
    start_download,
    store_ranges,
)
from wiki_embeddings_tests.standins.hub import LocalHub


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_broken_connection_is_resumed_where_it_broke(hub: LocalHub, tmp_path: Path, reset: bool):
    snapshot = add_repository(hub)
    hub.cut("/store/", 300_000, times=2, reset=reset)
    progress: list[int] = []

    fetch(snapshot, tmp_path / "weights", progress=progress.append)

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert sum(progress) == len(WEIGHTS)
    assert min(progress) > 0
    if not reset:
        assert store_ranges(hub) == [None, "bytes=300000-", "bytes=600000-"]
        assert hub.body_bytes("/store/") == len(WEIGHTS)


def test_a_stalled_connection_is_given_up_and_resumed(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.stall("/store/", 300_000)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert store_ranges(hub) == [None, "bytes=300000-"]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("match", ["/resolve/", "/store/"])
def test_a_short_outage_is_waited_out(hub: LocalHub, tmp_path: Path, match: str, status: int):
    snapshot = add_repository(hub)
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
def test_the_time_that_a_server_names_is_waited_out(
    hub: LocalHub, tmp_path: Path, name: str, value: Callable[[], str]
):
    snapshot = add_repository(hub)
    hub.fail("/resolve/", 429, headers={name: value()})

    fetch(snapshot, tmp_path / "config.json", SMALL)

    first, second = hub.requests(f"{REPO}/resolve/")
    assert second.at - first.at >= 0.9


def test_a_server_that_asks_for_hours_is_given_up(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.fail("/resolve/", 429, headers={"Retry-After": "7200"})

    with pytest.raises(WikiEmbeddingsError, match=r"status 429.*later"):
        fetch(snapshot, tmp_path / "weights")


def test_a_lasting_outage_ends_in_an_error_and_keeps_downloaded_bytes(
    hub: LocalHub, tmp_path: Path
):
    snapshot = add_repository(hub)
    hub.cut("/store/", 300_000)
    hub.fail("/store/", 503, times=9)

    with pytest.raises(WikiEmbeddingsError, match="status 503") as caught:
        fetch(snapshot, tmp_path / "weights")

    assert not isinstance(caught.value, BadInputError)
    assert partial_path(tmp_path / "weights").read_bytes() == WEIGHTS[:300_000]
    assert len(hub.requests("/store/")) == QUICK_POLICY.attempts + 1


def test_progress_resets_the_count_of_failures(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.cut("/store/", 100_000, times=9)

    fetch(snapshot, tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert hub.body_bytes("/store/") == len(WEIGHTS)


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.cut("/store/", 300_000)
    hub.ignore_range("/store/")
    progress: list[int] = []

    fetch(snapshot, tmp_path / "weights", progress=progress.append)

    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert sum(progress) == len(WEIGHTS)


def test_a_server_that_ignores_ranges_and_never_finishes_is_given_up(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.ignore_range("/store/", cut_after=300_000, times=99)

    with pytest.raises(WikiEmbeddingsError, match="Cannot read"):
        fetch(snapshot, tmp_path / "weights")

    assert len(hub.requests("/store/")) == QUICK_POLICY.attempts + 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_hub_is_final(hub: LocalHub, tmp_path: Path, status: int):
    snapshot = add_repository(hub)
    hub.fail("/resolve/", status)

    with pytest.raises(BadInputError, match=r"Cannot read data/weights\.safetensors"):
        fetch(snapshot, tmp_path / "weights")

    assert len(hub.requests("/resolve/")) == 1


def test_a_missing_file_is_named(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    absent = HubFile("absent.bin", size=1, blob_id="", sha256="0" * 64)

    with pytest.raises(BadInputError, match=r"absent\.bin.*no such file"):
        download(snapshot, absent, tmp_path / "absent", policy=QUICK_POLICY)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_killed_process_loses_no_downloaded_byte(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    destination = tmp_path / "weights"
    hub.stall("/store/", 400_000)
    process = start_download(destination)
    partial = partial_path(destination)
    wait_until(lambda: partial.exists() and partial.stat().st_size == 400_000)

    process.send_signal(signal.SIGKILL)
    process.communicate()
    fetch(snapshot, destination)

    assert destination.read_bytes() == WEIGHTS
    assert store_ranges(hub) == [None, "bytes=400000-"]
    assert hub.body_bytes("/store/") == len(WEIGHTS)
