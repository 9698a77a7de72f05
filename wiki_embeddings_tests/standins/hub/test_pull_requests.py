"""Pull requests on the local Hub: readers of main see all of one, or nothing."""

from __future__ import annotations

import hashlib

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, HfFileSystem
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import BlobLfsInfo, RepoFile

from wiki_embeddings_tests.standins.hub import (
    FINE_GRAINED_TOKEN,
    TOKEN,
    WRITE_TOKEN,
    LocalHub,
)
from wiki_embeddings_tests.standins.hub.fixtures import without_xet

REPO = "cantor/articles"
FILES = {"same.txt": b"same", "changed.txt": b"old", "gone.txt": b"gone", "one.parquet": b"one"}


@pytest.fixture(autouse=True)
def _lfs(monkeypatch):
    without_xet(monkeypatch)


@pytest.fixture(name="api")
def _api(hub: LocalHub) -> HfApi:
    hub.add(REPO, FILES)
    return HfApi(endpoint=hub.url, token=WRITE_TOKEN)


def opened(api: HfApi, title: str = "A new version"):
    return api.create_pull_request(REPO, title, repo_type="dataset")


def commit(api: HfApi, files: dict[str, bytes], revision: str, *deleted: str, **options):
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    return api.create_commit(
        REPO,
        [*operations, *(CommitOperationDelete(path) for path in deleted)],
        commit_message="A commit",
        repo_type="dataset",
        revision=revision,
        **options,
    )


def publish(api: HfApi, num: int) -> None:
    api.change_discussion_status(REPO, num, "open", repo_type="dataset")


def merge(api: HfApi, num: int) -> None:
    api.merge_pull_request(REPO, num, repo_type="dataset")


def details(api: HfApi, num: int):
    return api.get_discussion_details(REPO, num, repo_type="dataset")


def contents(hub: LocalHub, revision: str = "main") -> dict[str, bytes]:
    return {path: file.data for path, file in hub.files(REPO, revision).items()}


def info(api: HfApi, path: str, revision: str) -> BlobLfsInfo:
    [found] = api.get_paths_info(REPO, path, repo_type="dataset", revision=revision)
    assert isinstance(found, RepoFile)
    assert found.lfs
    return found.lfs


def status_of(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def test_a_pull_request_begins_as_a_draft_at_main(hub: LocalHub, api: HfApi):
    draft = opened(api)
    assert (draft.num, draft.status, draft.git_reference) == (1, "draft", "refs/pr/1")
    assert (draft.author, draft.target_branch) == ("cantor", "refs/heads/main")
    assert contents(hub, "refs/pr/1") == FILES
    refs = api.list_repo_refs(REPO, repo_type="dataset", include_pull_requests=True)
    [ref] = refs.pull_requests or []
    assert (ref.ref, ref.target_commit) == ("refs/pr/1", api.dataset_info(REPO).sha)


def test_a_commit_is_visible_only_at_its_ref(hub: LocalHub, api: HfApi):
    opened(api)
    first = commit(api, {"a.parquet": b"a" * 1000, "b.txt": b"b"}, "refs/pr/1")
    commit(api, {"c.txt": b"c"}, "refs/pr/1", parent_commit=first.oid)

    assert contents(hub) == FILES
    paths = api.list_repo_files(REPO, repo_type="dataset", revision="refs/pr/1")
    assert paths == sorted({*FILES, "a.parquet", "b.txt", "c.txt"})
    assert info(api, "a.parquet", "refs/pr/1").size == 1000
    file_system = HfFileSystem(token=WRITE_TOKEN)
    root = f"datasets/{REPO}@refs/pr/1"
    assert file_system.cat_file(f"{root}/a.parquet", start=990) == b"a" * 10
    assert api.file_exists(REPO, "b.txt", repo_type="dataset", revision="refs/pr/1")
    assert [event.type for event in details(api, 1).events] == ["comment", "commit", "commit"]


def test_a_commit_to_a_pull_request_whose_head_has_moved_is_refused(api: HfApi):
    opened(api)
    base = api.dataset_info(REPO).sha
    commit(api, {"a.txt": b"a"}, "refs/pr/1", parent_commit=base)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        commit(api, {"b.txt": b"b"}, "refs/pr/1", parent_commit=base)


def test_a_merge_is_one_commit_on_main(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"changed.txt": b"new", "one.parquet": b"two"}, "refs/pr/1")
    commit(api, {"added.txt": b"added"}, "refs/pr/1", "gone.txt")
    before = api.dataset_info(REPO).sha
    publish(api, 1)
    merge(api, 1)

    new = {"same.txt": b"same", "changed.txt": b"new", "one.parquet": b"two", "added.txt": b"added"}
    assert contents(hub) == new
    merged = details(api, 1)
    assert (merged.status, merged.merge_commit_oid) == ("merged", api.dataset_info(REPO).sha)
    commits = api.list_repo_commits(REPO, repo_type="dataset")
    assert [each.commit_id for each in commits] == [merged.merge_commit_oid, before]
    assert contents(hub, "refs/pr/1") == new


def test_a_draft_is_not_merged(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"a.txt": b"a"}, "refs/pr/1")
    with pytest.raises(HfHubHTTPError, match="this one is draft") as error:
        merge(api, 1)
    assert status_of(error) == 400
    assert contents(hub) == FILES


def test_a_merge_keeps_other_changes_of_main(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"changed.txt": b"new", "same.txt": b"both"}, "refs/pr/1")
    commit(api, {"main.txt": b"main", "same.txt": b"both"}, "main", "gone.txt")
    publish(api, 1)
    assert details(api, 1).conflicting_files == []
    merge(api, 1)
    assert contents(hub) == {
        "same.txt": b"both",
        "changed.txt": b"new",
        "main.txt": b"main",
        "one.parquet": b"one",
    }


def test_a_path_changed_on_both_sides_is_a_conflict(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"changed.txt": b"new", "gone.txt": b"kept", "both.txt": b"1"}, "refs/pr/1")
    commit(api, {"changed.txt": b"other", "both.txt": b"2"}, "main", "gone.txt")
    before = contents(hub)
    publish(api, 1)
    assert details(api, 1).conflicting_files == ["both.txt", "changed.txt", "gone.txt"]
    with pytest.raises(HfHubHTTPError, match=r"Merge conflicts in both\.txt") as error:
        merge(api, 1)
    assert status_of(error) == 409
    assert contents(hub) == before


def test_of_two_publishers_the_second_meets_a_conflict(hub: LocalHub, api: HfApi):
    for num, content in ((1, b"first"), (2, b"second")):
        opened(api)
        commit(api, {"changed.txt": content}, f"refs/pr/{num}")
        publish(api, num)
    merge(api, 2)
    with pytest.raises(HfHubHTTPError, match="Merge conflicts"):
        merge(api, 1)
    assert contents(hub)["changed.txt"] == b"second"


def test_a_merged_or_closed_pull_request_takes_no_commits(api: HfApi):
    for num in (1, 2):
        opened(api)
        commit(api, {f"{num}.txt": b"a"}, f"refs/pr/{num}")
        publish(api, num)
    merge(api, 1)
    api.change_discussion_status(REPO, 2, "closed", comment="So be it", repo_type="dataset")
    for num, status in ((1, "merged"), (2, "closed")):
        with pytest.raises(HfHubHTTPError, match=f"This pull request is {status}"):
            commit(api, {"late.txt": b"a"}, f"refs/pr/{num}")
    with pytest.raises(HfHubHTTPError, match="This pull request is merged"):
        publish(api, 1)


def test_a_pull_request_that_changes_nothing_is_not_merged(api: HfApi):
    opened(api)
    publish(api, 1)
    with pytest.raises(HfHubHTTPError, match="changes nothing"):
        merge(api, 1)


def test_discussions_are_listed_by_page_author_type_and_status(hub: LocalHub, api: HfApi):
    hub.discussions_page_size = 2
    other = HfApi(endpoint=hub.url, token=FINE_GRAINED_TOKEN)
    for author in (api, other, api):
        opened(author)
    api.create_discussion(REPO, "A question", repo_type="dataset")
    publish(api, 3)

    def listed(**filters):
        found = api.get_repo_discussions(REPO, repo_type="dataset", **filters)
        return [(each.num, each.status) for each in found]

    assert listed() == [(4, "open"), (3, "open"), (2, "draft"), (1, "draft")]
    assert listed(author="dedekind") == [(2, "draft")]
    assert listed(discussion_type="discussion") == [(4, "open")]
    assert listed(discussion_type="pull_request", discussion_status="open") == [(3, "open")]


def test_discussions_can_be_disabled(hub: LocalHub, api: HfApi):
    hub.repository(REPO).has_discussions = False
    with pytest.raises(HfHubHTTPError, match="Discussions are disabled for this repo") as error:
        opened(api)
    assert status_of(error) == 403


def test_titles_and_comments_are_kept(api: HfApi):
    opened(api)
    api.rename_discussion(REPO, 1, "Another title", repo_type="dataset")
    api.comment_discussion(REPO, 1, "A comment", repo_type="dataset")
    found = details(api, 1)
    assert found.title == "Another title"
    assert [event.type for event in found.events] == ["comment", "title-change", "comment"]
    assert found.events[-1].content == "A comment"


def test_others_may_open_a_pull_request_but_not_merge_it(hub: LocalHub, api: HfApi):
    other = HfApi(endpoint=hub.url, token=FINE_GRAINED_TOKEN)
    made = other.create_commit(
        REPO,
        [CommitOperationAdd("a.parquet", b"a" * 100)],
        commit_message="A gift",
        repo_type="dataset",
        create_pr=True,
    )
    assert (made.pr_num, made.pr_revision) == (1, "refs/pr/1")
    commit(other, {"b.parquet": b"b" * 100}, "refs/pr/1")
    with pytest.raises(HfHubHTTPError, match="403 Forbidden"):
        merge(other, 1)
    assert details(api, 1).status == "open"
    merge(api, 1)
    assert contents(hub)["b.parquet"] == b"b" * 100


def test_a_read_token_cannot_open_a_pull_request(hub: LocalHub, api: HfApi):
    opened(api)
    reader = HfApi(endpoint=hub.url, token=TOKEN)
    assert details(reader, 1).status == "draft"
    for change in (lambda: opened(reader), lambda: publish(reader, 1)):
        with pytest.raises(HfHubHTTPError, match="403 Forbidden"):
            change()


def test_a_file_altered_at_a_ref_is_visible_there(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"one.parquet": b"two"}, "refs/pr/1")
    hub.alter_stored(REPO, "refs/pr/1", "one.parquet", b"bad")
    assert info(api, "one.parquet", "refs/pr/1").sha256 == hashlib.sha256(b"bad").hexdigest()
    assert contents(hub, "refs/pr/1")["one.parquet"] == b"bad"
    assert contents(hub) == FILES


def test_a_merge_whose_answer_is_lost_was_made_once(hub: LocalHub, api: HfApi):
    opened(api)
    commit(api, {"a.txt": b"a"}, "refs/pr/1")
    publish(api, 1)
    hub.lose_answer("/merge", "POST")
    with pytest.raises(httpx2.RemoteProtocolError):
        merge(api, 1)
    with pytest.raises(HfHubHTTPError, match="this one is merged"):
        merge(api, 1)
    assert contents(hub)["a.txt"] == b"a"
