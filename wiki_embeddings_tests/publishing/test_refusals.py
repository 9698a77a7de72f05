"""What can never work is refused before the first byte, with the sentence that helps."""

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


def refusal(
    hub: LocalHub, datasets: Datasets, repo_id: str = REPO_ID, *, private: bool = False
) -> str:
    """What a person is told, once it is sure that nothing has been sent before."""
    with pytest.raises(BadInputError) as refused:
        datasets.publish(datasets.first, repo_id=repo_id, private=private)
    told = str(refused.value)
    for match in ("/preupload/", "/upload/", "/v1/", "/v2/", "/commit/"):
        assert not hub.requests(match), told
    assert not [token for token in TOKENS if token in told]
    return told


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "the token in HF_TOKEN is empty. Make one with write access to cantor"),
        (UNKNOWN_TOKEN, "the token in HF_TOKEN is not accepted by the Hub. Make one"),
        ("hf_\N{BULLET}", "the token in HF_TOKEN is not a token"),
        (TOKEN, "ada's token (read) may write to nothing. Make one with write access to cantor"),
        (FINE_GRAINED_TOKEN, "dedekind's token (fineGrained) may write to cuts, gauss/letters."),
    ],
    ids=["none", "unknown", "no token", "reading", "other scopes"],
)
def test_a_token_that_may_not_write_is_refused(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch, token: str, said: str
):
    monkeypatch.setenv("HF_TOKEN", token)
    told = refusal(hub, datasets)
    assert said in told
    assert "set HF_TOKEN to it" in told
    assert not hub.repositories


@pytest.mark.parametrize("namespace", ["gauss", "berlin"], ids=["of others", "only for reading"])
def test_the_namespace_of_others_is_refused(hub: LocalHub, datasets: Datasets, namespace: str):
    told = refusal(hub, datasets, f"{namespace}/{NAME}")
    assert "cantor's token (write) may write to cantor, set-theory, halle, crelle." in told
    assert "or set WIKI_EMBEDDINGS_HUB_NAMESPACE to another name" in told


def test_a_scope_for_another_repository_is_refused(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", FINE_GRAINED_TOKEN)
    told = refusal(hub, datasets, f"gauss/{NAME}")
    assert "Set HF_TOKEN to a token that may write to gauss" in told


def test_the_repository_of_another_member_is_refused_to_a_contributor(
    hub: LocalHub, datasets: Datasets
):
    hub.add(f"halle/{NAME}", {"README.md": b"Made by somebody else"})
    told = refusal(hub, datasets, f"halle/{NAME}")
    assert "Set HF_TOKEN to a token that may write to halle" in told


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
def test_a_token_that_may_write_there_publishes(
    datasets: Datasets,
    monkeypatch: pytest.MonkeyPatch,
    namespace: str,
    token: str,
):
    monkeypatch.setenv("HF_TOKEN", token)
    assert datasets.publish(datasets.first, repo_id=f"{namespace}/{NAME}").changed


def test_a_scope_for_this_repository_is_enough(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", FINE_GRAINED_TOKEN)
    hub.add("gauss/letters", {"README.md": b"An empty dataset"})
    assert datasets.publish(datasets.first, repo_id="gauss/letters").changed


def test_a_name_that_is_taken_by_a_model_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"A model"}, repo_type="model")
    told = refusal(hub, datasets)
    assert f"{REPO_ID} is a model on {hub.url}: rename it there, or" in told
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
def test_a_name_that_the_hub_does_not_allow_is_refused(
    hub: LocalHub, datasets: Datasets, name: str
):
    told = refusal(hub, datasets, f"cantor/{name}")
    assert f"cantor/{name} is no name that the Hub allows" in told
    assert not hub.requests("/repos/create")


def test_private_data_without_room_is_refused(hub: LocalHub, datasets: Datasets):
    hub.private_quota_bytes = 100
    told = refusal(hub, datasets, private=True)
    assert "Private repository storage limit reached" in told
    assert "set `private` of hub_dataset to false" in told


def test_private_data_with_too_little_room_for_all_files_is_refused(
    hub: LocalHub, datasets: Datasets
):
    largest = max(file.bytes for file in datasets.first.files)
    hub.private_quota_bytes = largest + 100
    assert "storage limit" in refusal(hub, datasets, private=True)


def test_private_data_for_a_public_repository_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"For everyone"})
    told = refusal(hub, datasets, private=True)
    assert f"{REPO_ID} is public, but hub_dataset is to be private" in told
    assert not hub.repository(REPO_ID).private


def test_private_data_stays_private(hub: LocalHub, datasets: Datasets):
    datasets.publish(datasets.first, private=True)
    assert hub.repository(REPO_ID).private


def test_a_repository_without_pull_requests_is_refused(hub: LocalHub, datasets: Datasets):
    hub.add(REPO_ID, {"README.md": b"Nobody may say anything"})
    hub.repository(REPO_ID).has_discussions = False
    told = refusal(hub, datasets)
    assert "pull requests, are switched off there. Switch them on in its settings" in told


def test_a_hub_address_that_is_none_is_refused(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_ENDPOINT", "hub.example")
    assert "HF_ENDPOINT is not a valid address: hub.example" in refusal(hub, datasets)
