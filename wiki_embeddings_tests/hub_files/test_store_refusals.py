"""The store that the Hub redirects to refuses an address: the Hub is asked for a new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.downloads.retries import with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings_tests.hub_files.fetching import (
    QUICK_POLICY,
    WEIGHTS,
    add_repository,
    fetch,
    store_ranges,
)
from wiki_embeddings_tests.standins.hub import LocalHub


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_new_address_is_asked_for(hub: LocalHub, tmp_path: Path, status: int):
    snapshot = add_repository(hub)
    hub.fail("/store/", status)
    fetch(snapshot, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert len(hub.requests("/resolve/")) == len(hub.requests("/store/")) == 2


def test_a_signature_that_expires_halfway_costs_no_byte(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.cut("/store/", 300_000)
    hub.fail("/store/", 403, times=2)
    fetch(snapshot, tmp_path / "weights")
    assert (tmp_path / "weights").read_bytes() == WEIGHTS
    assert store_ranges(hub) == [None, *["bytes=300000-"] * 3]


@pytest.mark.parametrize("status", [403, 404])
def test_a_store_that_always_refuses_is_given_up_and_named(
    hub: LocalHub, tmp_path: Path, status: int
):
    snapshot = add_repository(hub)
    hub.fail("/store/", status, times=1000)
    with pytest.raises(WikiEmbeddingsError, match=f"store 127.0.0.1.*status {status}") as caught:
        fetch(snapshot, tmp_path / "weights")
    assert not isinstance(caught.value, BadInputError)
    assert "a proxy or firewall may block 127.0.0.1" in str(caught.value)
    assert "HF_TOKEN" not in str(caught.value)
    assert "no such repository" not in str(caught.value)
    assert len(hub.requests("/store/")) == QUICK_POLICY.attempts


def test_another_hub_that_a_mirror_redirects_to_is_no_store(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.fail("/store/", 403, headers={"X-Error-Code": "GatedRepo"})
    with pytest.raises(BadInputError, match="it is gated"):
        fetch(snapshot, tmp_path / "weights")
    assert len(hub.requests("/store/")) == 1


def test_progress_that_is_lost_again_is_none(monkeypatch: pytest.MonkeyPatch):
    """Else somebody who undoes the work would keep it going forever."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    tries = 0

    def attempt() -> None:
        nonlocal tries
        tries += 1
        assert tries < 100, "it goes on forever"
        raise TransientError("Undone.")

    with pytest.raises(TransientError):
        with_retries(attempt, QUICK_POLICY, progress=lambda: tries % 2)
    assert tries <= 2 * QUICK_POLICY.attempts
