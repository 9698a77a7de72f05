"""Others who write to the same repository: one wins, readers see it whole."""

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
from wiki_embeddings.publishing.merge import Published, conclude
from wiki_embeddings.publishing.preflight import prepare
from wiki_embeddings.publishing.readback import reads_back
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Content,
    Datasets,
    content_of,
    main_of,
    states_of,
    tags_of,
    until,
)
from wiki_embeddings_tests.standins.hub import FINE_GRAINED_TOKEN, LocalHub

FASTER = "has changed while this was being published to it: another publisher was faster"
DATA = "data/train-00001-of-00003.parquet"

VERIFYING = "/revision/refs%2Fpr%2F1"
"""Asked for before each commit, after the last one, and before the pull request is verified."""


@pytest.fixture
def elsewhere(datasets: Datasets, tmp_path: Path) -> Datasets:
    """The same datasets on a volume of another publisher."""
    root = tmp_path / "elsewhere"
    shutil.copytree(datasets.root, root)
    return replace(datasets, root=root)


@pytest.fixture
def publishers() -> Iterator[ThreadPoolExecutor]:
    """Publishers that do not wait for each other."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


@contextmanager
def stopped_at(
    hub: LocalHub, publishers: ThreadPoolExecutor, datasets: Datasets, match: str
) -> Iterator[Future[Published]]:
    """A publisher of the first dataset that waits at a request while the block runs."""
    method = {"/upload/": "PUT", VERIFYING: "GET"}.get(match, "POST")
    held = hub.hold(match, method, skip=2 if match == VERIFYING else 0)
    done = publishers.submit(datasets.publish, datasets.first)
    assert held.reached.wait(10)
    try:
        yield done
    finally:
        held.release()


@pytest.mark.parametrize("stage", ["/commit/refs%2Fpr%2F1", VERIFYING, "/1/merge"])
def test_of_two_publishers_one_wins_and_the_other_says_so(
    hub: LocalHub,
    datasets: Datasets,
    elsewhere: Datasets,
    publishers: ThreadPoolExecutor,
    stage: str,
):
    with stopped_at(hub, publishers, datasets, stage) as late:
        published = elsewhere.publish(elsewhere.second)
        whole = content_of(hub)
    with pytest.raises(BadInputError, match=FASTER) as told:
        late.result()
    assert "run again to publish it over the other one" in str(told.value)
    assert published.changed
    assert content_of(hub) == whole
    assert states_of(hub) == ["closed", "merged"]
    assert list(tags_of(hub)) == ["20240101"]


def test_who_uploads_while_another_publishes_has_lost(
    hub: LocalHub, datasets: Datasets, elsewhere: Datasets
):
    ready = prepare(datasets.volume, datasets.first.folder, REPO_ID, private=False)
    elsewhere.publish(elsewhere.second)
    whole = content_of(hub)
    with pytest.raises(BadInputError, match=FASTER):
        conclude(
            datasets.volume,
            datasets.first.folder,
            REPO_ID,
            author=ready.author,
            replaces=ready.replaces,
        )
    assert content_of(hub) == whole


def test_a_stranger_s_pull_request_is_not_gone_on_with(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    """He could still write to it when it has been verified."""
    hub.add(REPO_ID, {"old.txt": b"old"})
    title = f"Publish 20231101 (manifest {datasets.first.digest[:16]})"
    HfApi(token=FINE_GRAINED_TOKEN).create_pull_request(REPO_ID, title, repo_type="dataset")
    done = datasets.publish(datasets.first)
    assert done.pull_request.endswith("/2")
    assert states_of(hub) == ["closed", "merged"]
    assert {**content_of(hub)}.items() >= {
        path: content for path, content in faultless[0].items() if path.endswith(".parquet")
    }.items()


def test_who_has_lost_publishes_over_the_winner_by_running_again(
    hub: LocalHub,
    datasets: Datasets,
    elsewhere: Datasets,
    publishers: ThreadPoolExecutor,
    faultless: tuple[Content, Content],
):
    with stopped_at(hub, publishers, datasets, "/1/merge") as late:
        elsewhere.publish(elsewhere.second)
    with pytest.raises(BadInputError, match=FASTER):
        late.result()
    sent = hub.received_bytes("/upload/")

    assert datasets.publish(datasets.first).changed
    data = {path: of for path, of in content_of(hub).items() if path.endswith(".parquet")}
    assert data == {path: of for path, of in faultless[0].items() if path.endswith(".parquet")}
    assert hub.received_bytes("/upload/") == sent
    assert states_of(hub) == ["closed", "merged", "merged"]
    assert set(tags_of(hub)) == {"20231101", "20240101"}


@pytest.mark.parametrize(
    "stage", ["/upload/", "/discussions", "/commit/", "/status", "/merge", "/tag/"]
)
def test_two_publishers_of_the_same_both_end_well(
    hub: LocalHub,
    datasets: Datasets,
    elsewhere: Datasets,
    publishers: ThreadPoolExecutor,
    *,
    faultless: tuple[Content, Content],
    stage: str,
):
    with stopped_at(hub, publishers, datasets, stage) as one:
        other = publishers.submit(elsewhere.publish, elsewhere.first)
        until(lambda: len(hub.requests(stage)) > 1 or other.done())
    assert one.result().commit == other.result().commit == main_of(hub)
    assert content_of(hub) == faultless[0]
    assert states_of(hub).count("merged") == 1
    assert set(states_of(hub)) <= {"merged", "closed"}
    assert tags_of(hub) == {"20231101": main_of(hub)}


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
def test_what_others_do_to_the_pull_request_is_caught_before_the_merge(
    hub: LocalHub,
    datasets: Datasets,
    publishers: ThreadPoolExecutor,
    *,
    faultless: tuple[Content, Content],
    path: str,
    data: bytes | None,
):
    with stopped_at(hub, publishers, datasets, "/status") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", path, data)
    with pytest.raises(BadInputError, match="/discussions/1 is not merged") as told:
        publisher.result()
    assert f"{path} differs" in str(told.value)
    assert list(content_of(hub)) == [".gitattributes"]
    assert not tags_of(hub)

    datasets.publish(datasets.first)
    assert content_of(hub) == faultless[0]
    assert states_of(hub) == ["merged"]


def test_what_others_do_to_the_pull_request_at_the_last_moment_is_told_and_put_right(
    hub: LocalHub,
    datasets: Datasets,
    publishers: ThreadPoolExecutor,
    faultless: tuple[Content, Content],
):
    with stopped_at(hub, publishers, datasets, "/merge") as publisher:
        hub.alter_stored(REPO_ID, "refs/pr/1", DATA, b"other")
    with pytest.raises(BadInputError, match=f"holds something else than was merged: {DATA}"):
        publisher.result()

    assert datasets.publish(datasets.first).changed
    assert content_of(hub) == faultless[0]
    assert states_of(hub) == ["merged", "merged"]
    assert tags_of(hub) == {"20231101": main_of(hub)}


@pytest.mark.parametrize("stage", ["/commit/", "/status", "/merge"])
def test_a_card_that_its_owner_edits_meanwhile_stays_as_he_wants_it(
    hub: LocalHub, datasets: Datasets, publishers: ThreadPoolExecutor, stage: str
):
    with stopped_at(hub, publishers, datasets, stage) as publisher:
        edited = hub.alter_stored(REPO_ID, "main", "README.md", b"# Mine")
    with pytest.raises(BadInputError, match=FASTER):
        publisher.result()
    assert main_of(hub) == edited
    assert states_of(hub) == ["closed"]
    assert not tags_of(hub)


def test_a_pull_request_that_began_before_main_moved_on_is_given_up_for_another(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.fail("/commit/", 400)
    with pytest.raises(BadInputError, match="answers with status 400"):
        datasets.publish(datasets.first)
    assert states_of(hub) == ["draft"]
    hub.alter_stored(REPO_ID, "main", "README.md", b"# Mine")

    datasets.publish(datasets.first)
    assert content_of(hub) == faultless[0]
    assert states_of(hub) == ["closed", "merged"]


@pytest.mark.parametrize("stage", ["/upload/", "/merge"])
def test_files_that_the_owner_adds_stay(
    hub: LocalHub,
    datasets: Datasets,
    publishers: ThreadPoolExecutor,
    faultless: tuple[Content, Content],
    stage: str,
):
    with stopped_at(hub, publishers, datasets, stage) as publisher:
        hub.alter_stored(REPO_ID, "main", "LICENSE", b"CC BY-SA")
    publisher.result()
    there = dict(content_of(hub))
    assert there.pop("LICENSE")
    assert there == faultless[0]
    assert not datasets.publish(datasets.first).changed
    datasets.publish(datasets.second)
    assert set(content_of(hub)) == {"LICENSE", *faultless[1]}


def test_files_among_the_data_that_belong_to_nothing_go(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    hub.add(REPO_ID, {"data/train-00000-of-00009.parquet": b"old", "data/notes.txt": b"old"})
    datasets.publish(datasets.first)
    assert set(content_of(hub)) == set(faultless[0]) - {".gitattributes"}


def test_what_is_altered_afterwards_is_found_and_put_right(
    hub: LocalHub, datasets: Datasets, faultless: tuple[Content, Content]
):
    published = datasets.publish(datasets.first)
    hub.alter_stored(REPO_ID, "main", DATA, b"other")
    result = reads_back(datasets.volume, datasets.first.folder, REPO_ID)
    assert not result.passed
    assert result.metadata["files_that_differ"] == 1

    assert datasets.publish(datasets.first).changed
    assert reads_back(datasets.volume, datasets.first.folder, REPO_ID).passed
    assert content_of(hub) == faultless[0]
    assert tags_of(hub) == {"20231101": published.commit}
