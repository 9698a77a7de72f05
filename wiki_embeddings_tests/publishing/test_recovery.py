"""What a run afterwards mends, and what ends with a word instead of going on for ever."""

from __future__ import annotations

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.publishing import merge
from wiki_embeddings.publishing.pull_request import PullRequest
from wiki_embeddings.publishing.readback import reads_back
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Content,
    Datasets,
    content_of,
    main_of,
    states_of,
    tags_of,
)
from wiki_embeddings_tests.standins.hub import SILENT_TOKEN, LocalHub


def test_what_the_hub_has_cleared_away_meanwhile_is_uploaded_again(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.fail("/commit/", 400)
    with pytest.raises(BadInputError):
        datasets.publish(datasets.first)
    hub.repository(REPO_ID).objects.clear()
    assert datasets.publish(datasets.first).changed
    assert content_of(hub) == faultless[0]


def test_a_pull_request_that_always_has_changed_is_given_up(
    hub: LocalHub, datasets: Datasets, waits: list[float]
):
    hub.fail("/commit/", 412, times=300)
    with pytest.raises(WikiEmbeddingsError, match="Run it again"):
        datasets.publish(datasets.first)
    assert len(hub.requests("/commit/")) <= 7
    assert len(waits) >= 5


def test_a_pull_request_that_the_hub_refuses_to_merge_gives_way_to_another(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.fail("/1/merge", 409)
    with pytest.raises(BadInputError, match=r"/discussions/1 was not merged.*opens another one"):
        datasets.publish(datasets.first)
    assert states_of(hub) == ["closed"]
    assert datasets.publish(datasets.first).pull_request.endswith("/2")
    assert content_of(hub) == faultless[0]


@pytest.mark.usefixtures("hasty")
def test_the_first_question_of_all_is_given_up_too_when_nothing_comes(
    hub: LocalHub, datasets: Datasets
):
    held = hub.hold("/whoami-v2")
    with pytest.raises(WikiEmbeddingsError, match="connection"):
        datasets.publish(datasets.first)
    held.release()


@pytest.mark.parametrize("card", [b"# Mine", None, b"---\nconfigs: []\n---\n# Mine"])
def test_a_card_that_does_not_open_the_dataset_any_more_is_noticed_and_put_right(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], card: bytes | None
):
    datasets.publish(datasets.first)
    hub.alter_stored(REPO_ID, "main", "README.md", card)
    result = reads_back(datasets.volume, datasets.first.folder, REPO_ID)
    assert not result.passed
    assert "materialize hub_dataset again" in result.description
    assert datasets.publish(datasets.first).changed
    assert content_of(hub) == faultless[0]
    assert reads_back(datasets.volume, datasets.first.folder, REPO_ID).passed


def test_a_card_whose_text_the_owner_edits_stays(hub: LocalHub, datasets: Datasets):
    datasets.publish(datasets.first)
    edited = hub.files(REPO_ID)["README.md"].data + b"\nThanks to all!\n"
    hub.alter_stored(REPO_ID, "main", "README.md", edited)
    assert reads_back(datasets.volume, datasets.first.folder, REPO_ID).passed
    assert not datasets.publish(datasets.first).changed
    assert hub.files(REPO_ID)["README.md"].data == edited


@pytest.mark.parametrize(
    "record", [b'{"format": 1}', b'{"format": 1, "digest": "a", "summary": {}}', b"[]", b"{"]
)
def test_a_record_that_is_none_is_published_over(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], record: bytes
):
    hub.add(REPO_ID, {".gitattributes": b"", "wiki_embeddings.json": record})
    datasets.publish(datasets.first)
    there = {path: of for path, of in content_of(hub).items() if path != ".gitattributes"}
    assert there.items() <= faultless[0].items()


def test_what_comes_to_main_right_after_the_merge_is_not_what_is_tagged(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    merged_as = merge._merged_as
    merged: list[str | None] = []

    def and_then_somebody_commits(pull_request: PullRequest) -> str | None:
        hub.alter_stored(REPO_ID, "main", "LICENSE", b"mine")
        merged.append(merged_as(pull_request))
        return merged[0]

    monkeypatch.setattr(merge, "_merged_as", and_then_somebody_commits)
    done = datasets.publish(datasets.first)
    assert tags_of(hub) == {"20231101": done.commit}
    assert done.commit == merged[0] != main_of(hub)
    assert "LICENSE" not in hub.files(REPO_ID, "20231101")


def test_a_card_that_the_hub_does_not_understand_is_refused_before_the_first_byte(
    hub: LocalHub, datasets: Datasets
):
    hub.fail("/api/validate-yaml", 400)
    with pytest.raises(BadInputError, match="does not understand the card's metadata"):
        datasets.publish(datasets.first)
    assert not hub.requests("/upload/")
    assert not hub.repository(REPO_ID).discussions


def test_a_token_that_may_not_open_pull_requests_is_refused_before_the_first_byte(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", SILENT_TOKEN)
    with pytest.raises(BadInputError, match="opening a pull request"):
        datasets.publish(datasets.first, repo_id="cuts/wikipedia-simple-tiny-model")
    assert not hub.requests("/upload/")
