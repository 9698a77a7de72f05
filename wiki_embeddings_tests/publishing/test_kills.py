"""A publisher killed at any point leaves readers what they had, and the next run continues."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wiki_embeddings_tests.publishing.runs import (
    Datasets,
    ExpectedContent,
    main_commit,
    pull_request_statuses,
    read_content,
    start_publisher,
    tag_commits,
    use_xet,
    wait_until,
)
from wiki_embeddings_tests.standins.hub import LocalHub, Served


@dataclass(frozen=True)
class KillPoint:
    """A request at which a publisher is killed.

    Attributes:
        match: Part of its path.
        skip: Number of such requests to let pass first.
    """

    match: str
    skip: int = 0


KILL_POINTS = {
    "opening the pull request": KillPoint("/discussions"),
    "the first commit": KillPoint("/commit/"),
    "a later commit": KillPoint("/commit/", skip=1),
    "marking the pull request as ready": KillPoint("/status"),
    "merging": KillPoint("/merge"),
    "tagging": KillPoint("/tag/"),
}


@pytest.mark.parametrize("is_handled", [False, True], ids=["dropped", "handled"])
@pytest.mark.parametrize("kill_point", KILL_POINTS.values(), ids=list(KILL_POINTS))
def test_a_publisher_killed_after_its_uploads_is_continued(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    kill_point: KillPoint,
    is_handled: bool,
):
    datasets.publish(datasets.first)
    held = hub.hold(kill_point.match, "POST", skip=kill_point.skip)
    publisher = start_publisher(datasets, datasets.second, files_per_commit=2, with_workers=False)
    assert held.reached.wait(30)
    request = hub.requests(kill_point.match, method="POST")[-1]
    is_merged = kill_point == KILL_POINTS["tagging"]
    assert read_content(hub) == (expected.second if is_merged else expected.first)

    publisher.kill()
    if is_handled:
        held.release()
        wait_until(lambda: request.status == 200)
        is_merged = is_merged or kill_point == KILL_POINTS["merging"]
        assert read_content(hub) == (expected.second if is_merged else expected.first)
    else:
        held.drop()
    sent = hub.received_bytes("/upload/")
    result = datasets.publish(datasets.second)

    assert read_content(hub) == expected.second
    assert result.has_changed is not is_merged
    assert result.tag == "20240101"
    assert tag_commits(hub)["20240101"] == result.commit == main_commit(hub)
    if kill_point != KILL_POINTS["opening the pull request"]:  # the others come after the uploads
        assert hub.received_bytes("/upload/") == sent, "uploaded bytes were sent again"
    assert pull_request_statuses(hub) == ["merged", "merged"]


@pytest.mark.parametrize("is_handled", [False, True], ids=["dropped", "handled"])
def test_a_publisher_killed_while_it_creates_the_repository_is_continued(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, is_handled: bool
):
    held = hub.hold("/repos/create")
    publisher = start_publisher(datasets, datasets.first, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    if is_handled:
        held.release()
        wait_until(lambda: hub.repositories)
    else:
        held.drop()

    assert datasets.publish(datasets.first).has_changed
    assert read_content(hub) == expected.first


def finished_transfers(hub: LocalHub, match: str) -> list[Served]:
    """Return the transfers that have ended."""
    return [request for request in hub.requests(match) if request.status == 200]


@pytest.mark.parametrize("skip", [0, 2], ids=["the first file", "a later file"])
def test_an_uploader_killed_during_an_lfs_transfer_is_continued(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, skip: int
):
    held = hub.hold("/upload/", "PUT", skip=skip)
    publisher = start_publisher(datasets, datasets.first)
    assert held.reached.wait(30)
    wait_until(lambda: len(finished_transfers(hub, "/upload/")) == skip)
    publisher.kill()
    held.drop()
    assert list(read_content(hub)) == [".gitattributes"]

    finished = [request.path for request in finished_transfers(hub, "/upload/")]
    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    assert all(len(hub.requests(path)) == 1 for path in finished)
    assert len(finished_transfers(hub, "/upload/")) == len(datasets.first.files) - 1


XET_KILL_POINTS = {
    "the first xorb": KillPoint("/v1/xorb-uploads/"),
    "a later xorb": KillPoint("/v1/xorb-uploads/", skip=2),
    "the first shard": KillPoint("/v2/shards"),
    "a later shard": KillPoint("/v2/shards", skip=2),
}


@pytest.mark.parametrize("kill_point", XET_KILL_POINTS.values(), ids=list(XET_KILL_POINTS))
def test_an_uploader_killed_during_a_xet_transfer_is_continued(
    hub: LocalHub,
    datasets: Datasets,
    expected: ExpectedContent,
    monkeypatch: pytest.MonkeyPatch,
    kill_point: KillPoint,
):
    use_xet(monkeypatch)
    hub.xet.offers_grants = True  # as the real Hub does: existing xorbs are not sent again
    held = hub.hold(kill_point.match, skip=kill_point.skip)
    publisher = start_publisher(datasets, datasets.first)
    assert held.reached.wait(30)
    wait_until(lambda: len(finished_transfers(hub, kill_point.match)) == kill_point.skip)
    publisher.kill()
    held.drop()
    assert list(read_content(hub)) == [".gitattributes"]

    datasets.publish(datasets.first)
    assert expected.is_published(hub)
    sent = [request.path for request in finished_transfers(hub, "/v1/xorb-uploads/")]
    assert len(sent) == len(set(sent))


def test_the_pull_request_of_a_killed_publisher_of_another_dataset_is_closed(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    held = hub.hold("/commit/", "POST", skip=1)
    publisher = start_publisher(datasets, datasets.first, files_per_commit=2, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    held.drop()
    held = hub.hold("/tag/", "POST")
    publisher = start_publisher(datasets, datasets.second, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    held.drop()

    datasets.publish(datasets.second)
    assert pull_request_statuses(hub) == ["closed", "merged"]
    assert set(read_content(hub)) == set(expected.second)
    assert list(tag_commits(hub)) == ["20240101"]
