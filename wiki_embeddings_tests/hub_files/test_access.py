"""Who may read what; tokens are never shown."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import resolve
from wiki_embeddings_tests.hub_files.fetching import (
    FILES,
    QUICK_POLICY,
    REPO,
    WEIGHTS,
    add_repository,
    fetch,
)
from wiki_embeddings_tests.standins.hub import BLOCKED_TOKEN, TOKEN, LocalHub


def test_a_token_opens_a_private_repository(
    monkeypatch: pytest.MonkeyPatch, hub: LocalHub, tmp_path: Path
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    fetch(add_repository(hub, private=True), tmp_path / "weights")

    assert (tmp_path / "weights").read_bytes() == WEIGHTS


def test_the_token_is_not_sent_to_the_store_that_the_hub_redirects_to(
    monkeypatch: pytest.MonkeyPatch, hub: LocalHub, tmp_path: Path
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    fetch(add_repository(hub), tmp_path / "weights")

    (to_hub,) = hub.requests("/resolve/")
    (to_store,) = hub.requests("/store/")
    assert to_hub.headers["authorization"] == f"Bearer {TOKEN}"
    assert "authorization" not in to_store.headers


@pytest.mark.parametrize(
    ("token", "access", "message"),
    [
        (None, "private", "or it is private.*HF_TOKEN"),
        (BLOCKED_TOKEN, "private", "or it is private.*HF_TOKEN"),
        (None, "gated", "is gated.*Accept its terms"),
        (BLOCKED_TOKEN, "gated", "is gated.*Accept its terms"),
        ("hf_made_up_by_somebody", "open", "does not accept the token"),
        ("hf_with_a_bell\a", "open", "characters that no token has"),
        ("hf_mit_ümläuten", "open", "characters that no token has"),
    ],
)
def test_a_missing_or_wrong_token_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch,
    hub: LocalHub,
    token: str | None,
    access: str,
    message: str,
):
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)

    with pytest.raises(BadInputError, match=message) as caught:
        add_repository(hub, private=access == "private", gated=access == "gated")

    assert token is None or token not in str(caught.getrepr(style="native"))


def test_a_file_of_a_repository_gated_meanwhile_is_refused(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.add(REPO, FILES, repo_type="model", gated=True)

    with pytest.raises(BadInputError, match="is gated"):
        fetch(snapshot, tmp_path / "weights")


def test_neither_tokens_nor_signatures_are_logged_or_reported(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hub: LocalHub,
    tmp_path: Path,
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    snapshot = add_repository(hub)
    hub.fail("/store/", 503, times=9)

    with (
        caplog.at_level(logging.DEBUG, logger="wiki_embeddings"),
        pytest.raises(WikiEmbeddingsError) as caught,
    ):
        fetch(snapshot, tmp_path / "weights")

    assert "Trying again" in caplog.text
    shown = str(caught.value) + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("wiki_")
    )
    assert TOKEN not in shown
    assert "signature" not in shown


def test_a_password_in_the_endpoint_is_not_shown(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("http://", "http://me:secret@"))

    with pytest.raises(BadInputError) as caught:
        resolve("somebody/nothing", repo_type="dataset", revision="main", policy=QUICK_POLICY)

    assert hub.url in str(caught.value)
    assert "secret" not in str(caught.getrepr(style="native"))
