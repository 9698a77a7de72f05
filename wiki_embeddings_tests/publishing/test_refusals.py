"""What can never work is refused before the first byte, with advice."""

from __future__ import annotations

import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.publishing.runs import REPO_ID, Datasets
from wiki_embeddings_tests.standins.hub import (
    BLOCKED_TOKEN,
    FINE_GRAINED_TOKEN,
    TOKEN,
    WRITE_TOKEN,
    LocalHub,
)

NAME = REPO_ID.partition("/")[2]
UNKNOWN_TOKEN = "hf_token_that_nobody_has"
TOKENS = (BLOCKED_TOKEN, FINE_GRAINED_TOKEN, TOKEN, WRITE_TOKEN, UNKNOWN_TOKEN)


def refusal(hub: LocalHub, datasets: Datasets, repo_id: str = REPO_ID, **options: bool) -> str:
    """Publish in vain; return the error's message, after checking that nothing was sent."""
    with pytest.raises(BadInputError) as caught:
        datasets.publish(datasets.first, repo_id=repo_id, **options)
    message = str(caught.value)
    for match in ("/preupload/", "/upload/", "/v1/", "/v2/", "/commit/"):
        assert not hub.requests(match), message
    assert not [token for token in TOKENS if token in message]
    return message


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (None, "the token in HF_TOKEN is missing. Make one with write access to cantor"),
        ("", "the token in HF_TOKEN is empty. Make one with write access to cantor"),
        (UNKNOWN_TOKEN, "the token in HF_TOKEN is not accepted by the Hub. Make one"),
        ("hf_\N{BULLET}", "the token in HF_TOKEN is not a token"),
        (TOKEN, "ada's token (read) may write to nothing. Make one with write access to cantor"),
        (FINE_GRAINED_TOKEN, "dedekind's token (fineGrained) may write to cuts, gauss/letters."),
    ],
    ids=["missing", "empty", "unknown", "impossible", "read-only", "other scopes"],
)
def test_a_token_without_write_access_is_refused(
    hub: LocalHub,
    datasets: Datasets,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
    text: str,
):
    monkeypatch.delenv("HF_TOKEN")
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    message = refusal(hub, datasets)
    assert text in message
    assert "set HF_TOKEN to it" in message
    assert not hub.repositories


@pytest.mark.parametrize("namespace", ["gauss", "berlin"], ids=["another user", "read-only"])
def test_another_namespace_is_refused(hub: LocalHub, datasets: Datasets, namespace: str):
    message = refusal(hub, datasets, f"{namespace}/{NAME}")
    assert "cantor's token (write) may write to cantor, set-theory, halle, crelle." in message
    assert "or set WIKI_EMBEDDINGS_HUB_NAMESPACE to another name" in message


def test_a_scope_for_another_repository_is_refused(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", FINE_GRAINED_TOKEN)
    message = refusal(hub, datasets, f"gauss/{NAME}")
    assert "dedekind's token (fineGrained) may write to cuts, gauss/letters. Make one" in message
    assert not hub.requests("/repos/create")


def test_a_contributor_is_refused_at_the_repository_of_another_member(
    hub: LocalHub, datasets: Datasets
):
    hub.add(f"halle/{NAME}", {".gitattributes": b""})
    message = refusal(hub, datasets, f"halle/{NAME}")
    assert "Set HF_TOKEN to a token that may write to halle" in message


@pytest.mark.parametrize(
    ("namespace", "token"),
    [
        ("cuts", FINE_GRAINED_TOKEN),
        ("set-theory", WRITE_TOKEN),
        ("halle", WRITE_TOKEN),
        ("crelle", WRITE_TOKEN),
    ],
)
@pytest.mark.usefixtures("hub")
def test_a_token_with_write_access_publishes(
    datasets: Datasets,
    monkeypatch: pytest.MonkeyPatch,
    namespace: str,
    token: str,
):
    monkeypatch.setenv("HF_TOKEN", token)
    assert datasets.publish(datasets.first, repo_id=f"{namespace}/{NAME}").has_changed


def test_a_scope_for_this_repository_is_enough(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", FINE_GRAINED_TOKEN)
    hub.add("gauss/letters", {".gitattributes": b""})
    assert datasets.publish(datasets.first, repo_id="gauss/letters").has_changed


def test_the_name_of_a_model_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"A model"}, repo_type="model")
    message = refusal(hub, datasets)
    assert f"{REPO_ID} is a model on {hub.url}: rename it there, or" in message
    assert ("dataset", REPO_ID) not in hub.repositories


@pytest.mark.parametrize(
    "name",
    [
        "two--dashes",
        "dots..",
        "a" * 97,
        "b\N{LATIN SMALL LETTER E WITH ACUTE}b\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
)
def test_an_invalid_name_is_refused(hub: LocalHub, datasets: Datasets, name: str):
    message = refusal(hub, datasets, f"cantor/{name}")
    assert f"cantor/{name} is not a name that the Hub allows" in message
    assert not hub.requests("/repos/create")


def test_private_data_over_the_quota_is_refused(hub: LocalHub, datasets: Datasets):
    hub.private_quota_bytes = 100
    message = refusal(hub, datasets, private=True)
    assert "Private repository storage limit reached" in message
    assert "set `private` of hub_dataset to false" in message


def test_private_data_whose_files_together_exceed_the_quota_is_refused(
    hub: LocalHub, datasets: Datasets
):
    largest = max(file.bytes for file in datasets.first.files)
    hub.private_quota_bytes = largest + 100
    assert "storage limit" in refusal(hub, datasets, private=True)


def test_private_data_for_a_public_repository_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"For everyone"})
    message = refusal(hub, datasets, private=True)
    assert f"{REPO_ID} is public, but `private` of hub_dataset is true" in message
    assert not hub.repository(REPO_ID).private


def test_private_data_stays_private(hub: LocalHub, datasets: Datasets):
    datasets.publish(datasets.first, private=True)
    assert hub.repository(REPO_ID).private


def test_a_repository_without_pull_requests_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"Nobody may say anything"})
    hub.repository(REPO_ID).has_discussions = False
    message = refusal(hub, datasets)
    assert "pull requests, are switched off there. Switch them on in its settings" in message


def test_an_invalid_hub_address_is_refused(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    assert "HF_ENDPOINT is not a valid address: hub.example" in refusal(hub, datasets)
