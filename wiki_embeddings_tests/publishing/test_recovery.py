"""What the next run repairs, and what ends with an error instead of going on forever."""

from __future__ import annotations

import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.publishing import merge
from wiki_embeddings.publishing.pull_request import PullRequest
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Datasets,
    ExpectedContent,
    main_commit,
    pull_request_statuses,
    read_content,
    tag_commits,
)
from wiki_embeddings_tests.standins.hub import SILENT_TOKEN, LocalHub


def test_files_that_the_hub_has_cleared_away_are_uploaded_again(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    hub.fail("/commit/", 400)
    with pytest.raises(BadInputError):
        datasets.publish(datasets.first)
    hub.repository(REPO_ID).objects.clear()
    assert datasets.publish(datasets.first).has_changed
    assert read_content(hub) == expected.first


def test_a_pull_request_that_changes_before_every_commit_is_given_up(
    hub: LocalHub, datasets: Datasets, waits: list[float]
):
    hub.fail("/commit/", 412, times=300)
    with pytest.raises(WikiEmbeddingsError, match="Run it again"):
        datasets.publish(datasets.first)
    assert len(hub.requests("/commit/")) <= 7
    assert len(waits) >= 5


def test_a_pull_request_that_the_hub_refuses_to_merge_is_replaced(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    hub.fail("/1/merge", 409)
    with pytest.raises(BadInputError, match=r"/discussions/1 was not merged.*to open another one"):
        datasets.publish(datasets.first)
    assert pull_request_statuses(hub) == ["closed"]
    assert datasets.publish(datasets.first).pull_request_url.endswith("/2")
    assert read_content(hub) == expected.first


@pytest.mark.usefixtures("short_timeouts")
def test_even_the_first_request_is_given_up_when_it_stalls(hub: LocalHub, datasets: Datasets):
    held = hub.hold("/whoami-v2")
    with pytest.raises(WikiEmbeddingsError, match="connection"):
        datasets.publish(datasets.first)
    held.release()


@pytest.mark.parametrize("card", [b"# Mine", None, b"---\nconfigs: []\n---\n# Mine"])
def test_a_card_that_no_longer_opens_the_dataset_is_found_and_repaired(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, card: bytes | None
):
    datasets.publish(datasets.first)
    hub.alter_stored(REPO_ID, "main", "README.md", card)
    result = datasets.check_readback(datasets.first)
    assert not result.passed
    assert "materialize hub_dataset again" in result.description
    assert datasets.publish(datasets.first).has_changed
    assert read_content(hub) == expected.first
    assert datasets.check_readback(datasets.first).passed


def test_a_card_whose_text_the_owner_edited_stays(hub: LocalHub, datasets: Datasets):
    datasets.publish(datasets.first)
    edited = hub.files(REPO_ID)["README.md"].data + b"\nThanks to all!\n"
    hub.alter_stored(REPO_ID, "main", "README.md", edited)
    assert datasets.check_readback(datasets.first).passed
    assert not datasets.publish(datasets.first).has_changed
    assert hub.files(REPO_ID)["README.md"].data == edited


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("data/train-00001-of-00003.parquet", b"other"),
        ("data/train-00001-of-00003.parquet", None),
        ("small/train-00000-of-00001.parquet", b"other"),
        ("data/train-00000-of-00009.parquet", b"old"),
        ("wiki_embeddings.json", b"{"),
    ],
    ids=["altered", "removed", "small", "added", "record"],
)
def test_a_repair_keeps_the_card_that_the_owner_edited(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    path: str,
    data: bytes | None,
):
    datasets.publish(datasets.first)
    metadata, text = hub.files(REPO_ID)["README.md"].data.decode().split("tags:\n", 1)
    edited = f"{metadata}tags:\n- mine\n{text}\nThanks to all!\n".encode()
    hub.alter_stored(REPO_ID, "main", "README.md", edited)
    hub.alter_stored(REPO_ID, "main", path, data)
    assert datasets.publish(datasets.first).has_changed
    assert hub.files(REPO_ID)["README.md"].data == edited
    repaired, whole = dict(read_content(hub)), dict(expected.first)
    del repaired["README.md"], whole["README.md"]
    assert repaired == whole
    assert datasets.check_readback(datasets.first).passed


def test_the_next_snapshot_has_a_card_of_its_own(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    datasets.publish(datasets.first)
    edited = hub.files(REPO_ID)["README.md"].data + b"\nThanks to all!\n"
    hub.alter_stored(REPO_ID, "main", "README.md", edited)
    datasets.publish(datasets.second)
    assert read_content(hub) == expected.second


@pytest.mark.parametrize(
    "record", [b'{"format": 1}', b'{"format": 1, "digest": "a", "summary": {}}', b"[]", b"{"]
)
def test_an_invalid_record_is_replaced(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, record: bytes
):
    hub.add(REPO_ID, {".gitattributes": b"", "wiki_embeddings.json": record})
    datasets.publish(datasets.first)
    content = {**read_content(hub)}
    del content[".gitattributes"]
    assert content.items() <= expected.first.items()


def test_a_commit_right_after_the_merge_is_not_tagged(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    merge_commit = merge._merge_commit
    merge_commits: list[str | None] = []

    def commit_then_look_up(pull_request: PullRequest) -> str | None:
        hub.alter_stored(REPO_ID, "main", "LICENSE", b"mine")
        merge_commits.append(merge_commit(pull_request))
        return merge_commits[0]

    monkeypatch.setattr(merge, "_merge_commit", commit_then_look_up)
    result = datasets.publish(datasets.first)
    assert tag_commits(hub) == {"20231101": result.commit}
    assert result.commit == merge_commits[0] != main_commit(hub)
    assert "LICENSE" not in hub.files(REPO_ID, "20231101")


def test_a_card_with_invalid_metadata_is_refused_before_the_first_byte(
    hub: LocalHub, datasets: Datasets
):
    hub.fail("/api/validate-yaml", 400)
    with pytest.raises(BadInputError, match="does not understand the card's metadata"):
        datasets.publish(datasets.first)
    assert not hub.requests("/upload/")
    assert not hub.repository(REPO_ID).discussions


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_hub_that_does_not_validate_cards_blocks_nothing(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, status: int
):
    hub.fail("/api/validate-yaml", status, times=1000)
    datasets.publish(datasets.first)
    assert expected.is_published(hub)


def test_a_token_without_the_right_to_open_pull_requests_is_refused_before_the_first_byte(
    hub: LocalHub, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", SILENT_TOKEN)
    with pytest.raises(BadInputError, match="opening a pull request"):
        datasets.publish(datasets.first, repo_id="cuts/wikipedia-simple-tiny-model")
    assert not hub.requests("/upload/")
