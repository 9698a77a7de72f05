"""Others write to the same repository: one wins, and readers see its version complete."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.publishing.merge import PublishResult, publish_uploaded
from wiki_embeddings.publishing.preflight import prepare_repository
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Content,
    Datasets,
    ExpectedContent,
    main_commit,
    pull_request_statuses,
    read_content,
    tag_commits,
    wait_until,
)
from wiki_embeddings_tests.standins.hub import FINE_GRAINED_TOKEN, LocalHub

LOST_RACE = "has changed while this was being published to it: another publisher was faster"
DATA = "data/train-00001-of-00003.parquet"

VERIFYING = "/revision/refs%2Fpr%2F1"
"""Requested before each commit, after the last one, and before the pull request is verified."""


@pytest.fixture
def other_volume(datasets: Datasets, tmp_path: Path) -> Datasets:
    """The same datasets on another publisher's volume."""
    root = tmp_path / "elsewhere"
    shutil.copytree(datasets.root, root)
    return replace(datasets, root=root)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for publishers that run at the same time."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


@contextmanager
def held_at(
    hub: LocalHub, threads: ThreadPoolExecutor, datasets: Datasets, match: str
) -> Iterator[Future[PublishResult]]:
    """Hold a publisher of the first dataset at a request while the block runs."""
    method = {"/upload/": "PUT", VERIFYING: "GET"}.get(match, "POST")
    held = hub.hold(match, method, skip=2 if match == VERIFYING else 0)
    publisher = threads.submit(datasets.publish, datasets.first)
    assert held.reached.wait(10)
    try:
        yield publisher
    finally:
        held.release()


def parquet_files(content: Content) -> Content:
    return {path: content[path] for path in content if path.endswith(".parquet")}


@pytest.mark.parametrize("stage", ["/commit/refs%2Fpr%2F1", VERIFYING, "/1/merge"])
def test_of_two_publishers_one_wins_and_the_other_reports_it(
    hub: LocalHub,
    datasets: Datasets,
    other_volume: Datasets,
    threads: ThreadPoolExecutor,
    stage: str,
):
    with held_at(hub, threads, datasets, stage) as late:
        winner = other_volume.publish(other_volume.second)
        content = read_content(hub)
    with pytest.raises(BadInputError, match=LOST_RACE) as caught:
        late.result()
    assert "run again to publish it over the other one" in str(caught.value)
    assert winner.has_changed
    assert read_content(hub) == content
    assert pull_request_statuses(hub) == ["closed", "merged"]
    assert list(tag_commits(hub)) == ["20240101"]


def test_a_publisher_whose_uploads_another_publisher_overtook_has_lost(
    hub: LocalHub, datasets: Datasets, other_volume: Datasets
):
    ready = prepare_repository(datasets.volume, datasets.first.folder, REPO_ID, private=False)
    other_volume.publish(other_volume.second)
    content = read_content(hub)
    with pytest.raises(BadInputError, match=LOST_RACE):
        publish_uploaded(
            datasets.volume,
            datasets.first.folder,
            REPO_ID,
            author=ready.author,
            previous_digest=ready.previous_digest,
        )
    assert read_content(hub) == content


def test_a_strangers_pull_request_is_not_used(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    """Its author could still write to it after it has been verified."""
    hub.add(REPO_ID, {".gitattributes": b""})
    title = f"Publish 20231101 (manifest {datasets.first.digest[:16]})"
    HfApi(token=FINE_GRAINED_TOKEN).create_pull_request(REPO_ID, title, repo_type="dataset")
    result = datasets.publish(datasets.first)
    assert result.pull_request_url.endswith("/2")
    assert pull_request_statuses(hub) == ["closed", "merged"]
    assert parquet_files(read_content(hub)) == parquet_files(expected.first)


def test_the_loser_replaces_the_winners_version_by_running_again(
    hub: LocalHub,
    datasets: Datasets,
    other_volume: Datasets,
    threads: ThreadPoolExecutor,
    expected: ExpectedContent,
):
    with held_at(hub, threads, datasets, "/1/merge") as late:
        other_volume.publish(other_volume.second)
    with pytest.raises(BadInputError, match=LOST_RACE):
        late.result()
    sent = hub.received_bytes("/upload/")

    assert datasets.publish(datasets.first).has_changed
    assert parquet_files(read_content(hub)) == parquet_files(expected.first)
    assert hub.received_bytes("/upload/") == sent
    assert pull_request_statuses(hub) == ["closed", "merged", "merged"]
    assert set(tag_commits(hub)) == {"20231101", "20240101"}


@pytest.mark.parametrize(
    "stage", ["/upload/", "/discussions", "/commit/", "/status", "/merge", "/tag/"]
)
def test_two_publishers_of_the_same_dataset_both_succeed(
    hub: LocalHub,
    datasets: Datasets,
    other_volume: Datasets,
    threads: ThreadPoolExecutor,
    *,
    expected: ExpectedContent,
    stage: str,
):
    with held_at(hub, threads, datasets, stage) as one:
        other = threads.submit(other_volume.publish, other_volume.first)
        wait_until(lambda: len(hub.requests(stage)) > 1 or other.done())
    assert one.result().commit == other.result().commit == main_commit(hub)
    assert read_content(hub) == expected.first
    assert pull_request_statuses(hub).count("merged") == 1
    assert set(pull_request_statuses(hub)) <= {"merged", "closed"}
    assert tag_commits(hub) == {"20231101": main_commit(hub)}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (DATA, b"other"),
        (DATA, None),
        ("README.md", b"other"),
        ("wiki_embeddings.json", None),
        ("data/of-a-stranger.parquet", b"other"),
    ],
)
def test_a_change_to_the_pull_request_is_found_before_the_merge(
    hub: LocalHub,
    datasets: Datasets,
    threads: ThreadPoolExecutor,
    *,
    expected: ExpectedContent,
    path: str,
    data: bytes | None,
):
    with held_at(hub, threads, datasets, "/status") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", path, data)
    with pytest.raises(BadInputError, match="/discussions/1 is not merged") as caught:
        publisher.result()
    assert f"{path} differs" in str(caught.value)
    assert list(read_content(hub)) == [".gitattributes"]
    assert not tag_commits(hub)

    datasets.publish(datasets.first)
    assert read_content(hub) == expected.first
    assert pull_request_statuses(hub) == ["merged"]


def test_a_last_minute_change_to_the_pull_request_is_reported_and_repaired(
    hub: LocalHub,
    datasets: Datasets,
    threads: ThreadPoolExecutor,
    expected: ExpectedContent,
):
    with held_at(hub, threads, datasets, "/merge") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", DATA, b"other")
    with pytest.raises(BadInputError, match=f"holds something else than was merged: {DATA}"):
        publisher.result()

    assert datasets.publish(datasets.first).has_changed
    assert read_content(hub) == expected.first
    assert pull_request_statuses(hub) == ["merged", "merged"]
    assert tag_commits(hub) == {"20231101": main_commit(hub)}


@pytest.mark.parametrize("stage", ["/commit/", "/status", "/merge"])
def test_a_card_that_its_owner_edits_meanwhile_stays(
    hub: LocalHub, datasets: Datasets, threads: ThreadPoolExecutor, stage: str
):
    with held_at(hub, threads, datasets, stage) as publisher:
        edited = hub.alter_stored(REPO_ID, "main", "README.md", b"# Mine")
    with pytest.raises(BadInputError, match=LOST_RACE):
        publisher.result()
    assert main_commit(hub) == edited
    assert pull_request_statuses(hub) == ["closed"]
    assert not tag_commits(hub)


def test_a_pull_request_from_before_main_moved_on_is_replaced(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    hub.fail("/commit/", 400)
    with pytest.raises(BadInputError, match="answers with status 400"):
        datasets.publish(datasets.first)
    assert pull_request_statuses(hub) == ["draft"]
    hub.alter_stored(REPO_ID, "main", "README.md", b"---\nlicense: mit\n---\n")

    datasets.publish(datasets.first)
    assert read_content(hub) == expected.first
    assert pull_request_statuses(hub) == ["closed", "merged"]


@pytest.mark.parametrize("stage", ["/upload/", "/merge"])
def test_files_added_by_the_owner_stay(
    hub: LocalHub,
    datasets: Datasets,
    threads: ThreadPoolExecutor,
    expected: ExpectedContent,
    stage: str,
):
    with held_at(hub, threads, datasets, stage) as publisher:
        hub.alter_stored(REPO_ID, "main", "LICENSE", b"CC BY-SA")
    publisher.result()
    content = dict(read_content(hub))
    assert content.pop("LICENSE")
    assert content == expected.first
    assert not datasets.publish(datasets.first).has_changed
    datasets.publish(datasets.second)
    assert set(read_content(hub)) == {"LICENSE", *expected.second}


def test_unexpected_files_in_the_data_folder_are_removed(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    hub.add(REPO_ID, {"data/train-00000-of-00009.parquet": b"old", "data/notes.txt": b"old"})
    datasets.publish(datasets.first, replace_existing=True)
    assert set(read_content(hub)) == set(expected.first) - {".gitattributes"}


def test_data_altered_after_publishing_is_found_and_repaired(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    published = datasets.publish(datasets.first)
    hub.alter_stored(REPO_ID, "main", DATA, b"other")
    result = datasets.check_readback(datasets.first)
    assert not result.passed
    assert result.metadata["files_that_differ"] == 1

    assert datasets.publish(datasets.first).has_changed
    assert datasets.check_readback(datasets.first).passed
    assert read_content(hub) == expected.first
    assert tag_commits(hub) == {"20231101": published.commit}


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (DATA, b"other"),
        (DATA, None),
        ("README.md", b"# Mine"),
        ("wiki_embeddings.json", None),
        ("data/of-a-stranger.parquet", b"other"),
        ("script.py", b"other"),
    ],
)
def test_a_pull_request_that_changes_after_every_commit_is_given_up(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, path: str, data: bytes | None
):
    hub.meddling = {path: data}
    with pytest.raises(BadInputError, match="somebody else changes it after every commit"):
        datasets.publish(datasets.first)
    assert len(hub.requests("/commit/")) <= 5
    assert list(read_content(hub)) == [".gitattributes"]

    hub.meddling = {}
    datasets.publish(datasets.first)
    assert read_content(hub) == expected.first


@pytest.mark.parametrize("path", ["script.py", "LICENSE"])
def test_a_file_that_somebody_adds_to_the_pull_request_is_never_merged(
    hub: LocalHub,
    datasets: Datasets,
    threads: ThreadPoolExecutor,
    expected: ExpectedContent,
    path: str,
):
    with held_at(hub, threads, datasets, "/status") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", path, b"of a stranger")
    with pytest.raises(BadInputError, match=f"/discussions/1 is not merged.*{path} differs"):
        publisher.result()
    assert list(read_content(hub)) == [".gitattributes"]

    datasets.publish(datasets.first)
    assert read_content(hub) == expected.first
    assert pull_request_statuses(hub) == ["merged"]


@pytest.mark.parametrize("data", [b"of a stranger", None], ids=["altered", "removed"])
@pytest.mark.parametrize("stage", ["/commit/refs%2Fpr%2F1", "/status"])
def test_the_owners_files_cannot_be_changed_through_the_pull_request(
    hub: LocalHub,
    datasets: Datasets,
    threads: ThreadPoolExecutor,
    *,
    stage: str,
    data: bytes | None,
):
    hub.add(REPO_ID, {"wiki_embeddings.json": b"{}", "LICENSE": b"CC BY-SA"})
    with held_at(hub, threads, datasets, stage) as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", "LICENSE", data)
    with pytest.raises(BadInputError, match=r"/discussions/1 is not merged.*LICENSE"):
        publisher.result()
    assert hub.files(REPO_ID)["LICENSE"].data == b"CC BY-SA"

    assert datasets.publish(datasets.first).pull_request_url.endswith("/2")
    assert hub.files(REPO_ID)["LICENSE"].data == b"CC BY-SA"
    assert pull_request_statuses(hub) == ["closed", "merged"]


def test_a_file_added_at_the_moment_of_the_merge_is_reported(
    hub: LocalHub, datasets: Datasets, threads: ThreadPoolExecutor
):
    with held_at(hub, threads, datasets, "/merge") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", "script.py", b"of a stranger")
    with pytest.raises(BadInputError, match=r"somebody else made to it.*script\.py differs"):
        publisher.result()
    assert not tag_commits(hub)
    assert datasets.publish(datasets.first).tag == "20231101"
