"""A publisher that is killed at any moment leaves readers what they had, and is gone on with."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wiki_embeddings_tests.publishing.runs import (
    Content,
    Datasets,
    content_of,
    main_of,
    start_publisher,
    states_of,
    tags_of,
    until,
    use_xet,
)
from wiki_embeddings_tests.standins.hub import LocalHub, Served


@dataclass(frozen=True)
class Moment:
    """A request of a publisher at which it is killed.

    Attributes:
        match: Part of its path.
        skip: How many of these pass before.
    """

    match: str
    skip: int = 0


ENDING = {
    "opening the pull request": Moment("/discussions"),
    "the first commit": Moment("/commit/"),
    "a later commit": Moment("/commit/", skip=1),
    "readying the pull request": Moment("/status"),
    "merging": Moment("/merge"),
    "tagging": Moment("/tag/"),
}


@pytest.mark.parametrize("is_done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("moment", ENDING.values(), ids=list(ENDING))
def test_a_publisher_killed_in_the_end_is_gone_on_with(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    moment: Moment,
    is_done: bool,
):
    before, after = faultless
    datasets.publish(datasets.first)
    held = hub.hold(moment.match, "POST", skip=moment.skip)
    publisher = start_publisher(datasets, datasets.second, files_in_a_commit=2, with_workers=False)
    assert held.reached.wait(30)
    request = hub.requests(moment.match, method="POST")[-1]
    is_merged = moment == ENDING["tagging"]
    assert content_of(hub) == (after if is_merged else before)

    publisher.kill()
    if is_done:
        held.release()
        until(lambda: request.status == 200)
        is_merged = is_merged or moment == ENDING["merging"]
        assert content_of(hub) == (after if is_merged else before)
    else:
        held.drop()
    sent = hub.received_bytes("/upload/")
    published = datasets.publish(datasets.second)

    assert content_of(hub) == after
    assert published.changed is not is_merged
    assert published.tag == "20240101"
    assert tags_of(hub)["20240101"] == published.commit == main_of(hub)
    if moment != ENDING["opening the pull request"]:  # the rest comes after the uploads
        assert hub.received_bytes("/upload/") == sent, "what had been uploaded is sent again"
    assert states_of(hub) == ["merged", "merged"]


@pytest.mark.parametrize("is_done", [False, True], ids=["not done", "done"])
def test_a_publisher_killed_while_it_makes_the_repository_is_gone_on_with(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], is_done: bool
):
    held = hub.hold("/repos/create")
    publisher = start_publisher(datasets, datasets.first, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    if is_done:
        held.release()
        until(lambda: hub.repositories)
    else:
        held.drop()

    assert datasets.publish(datasets.first).changed
    assert content_of(hub) == faultless[0]


def taken(hub: LocalHub, match: str) -> list[Served]:
    """Transfers that have come to their end."""
    return [request for request in hub.requests(match) if request.status == 200]


@pytest.mark.parametrize("skip", [0, 2], ids=["the first file", "a later file"])
def test_an_uploader_killed_while_it_sends_by_lfs_is_gone_on_with(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content], skip: int
):
    held = hub.hold("/upload/", "PUT", skip=skip)
    publisher = start_publisher(datasets, datasets.first)
    assert held.reached.wait(30)
    until(lambda: len(taken(hub, "/upload/")) == skip)
    publisher.kill()
    held.drop()
    assert list(content_of(hub)) == [".gitattributes"]

    finished = [request.path for request in taken(hub, "/upload/")]
    datasets.publish(datasets.first)
    assert content_of(hub) == faultless[0]
    assert all(len(hub.requests(path)) == 1 for path in finished)
    assert len(taken(hub, "/upload/")) == len(datasets.first.files) - 1
    assert states_of(hub) == ["merged"]
    assert list(tags_of(hub)) == ["20231101"]


BY_XET = {
    "the first xorb": Moment("/v1/xorb-uploads/"),
    "a later xorb": Moment("/v1/xorb-uploads/", skip=2),
    "the first shard": Moment("/v2/shards"),
    "a later shard": Moment("/v2/shards", skip=2),
}


@pytest.mark.parametrize("moment", BY_XET.values(), ids=list(BY_XET))
def test_an_uploader_killed_while_it_sends_by_xet_is_gone_on_with(
    hub: LocalHub,
    datasets: Datasets,
    faultless: tuple[Content, Content],
    monkeypatch: pytest.MonkeyPatch,
    moment: Moment,
):
    use_xet(monkeypatch)
    hub.xet.offers_grants = True  # as the real one does: what is there is not sent again
    held = hub.hold(moment.match, skip=moment.skip)
    publisher = start_publisher(datasets, datasets.first)
    assert held.reached.wait(30)
    until(lambda: len(taken(hub, moment.match)) == moment.skip)
    publisher.kill()
    held.drop()
    assert list(content_of(hub)) == [".gitattributes"]

    datasets.publish(datasets.first)
    assert content_of(hub) == faultless[0]
    sent = [request.path for request in taken(hub, "/v1/xorb-uploads/")]
    assert len(sent) == len(set(sent))
    assert states_of(hub) == ["merged"]
    assert list(tags_of(hub)) == ["20231101"]


def test_what_a_killed_publisher_of_something_else_has_left_is_closed(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    held = hub.hold("/commit/", "POST", skip=1)
    publisher = start_publisher(datasets, datasets.first, files_in_a_commit=2, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    held.drop()
    held = hub.hold("/tag/", "POST")
    publisher = start_publisher(datasets, datasets.second, with_workers=False)
    assert held.reached.wait(30)
    publisher.kill()
    held.drop()

    datasets.publish(datasets.second)
    assert states_of(hub) == ["closed", "merged"]
    assert set(content_of(hub)) == set(faultless[1])
    assert list(tags_of(hub)) == ["20240101"]
