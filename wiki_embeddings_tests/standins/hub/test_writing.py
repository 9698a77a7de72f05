"""The local Hub is written to by the real client as the real one is: repositories and commits."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile

from wiki_embeddings_tests.standins.hub import (
    FINE_GRAINED_TOKEN,
    TOKEN,
    WRITE_TOKEN,
    LocalHub,
)
from wiki_embeddings_tests.standins.hub.clients import run_client
from wiki_embeddings_tests.standins.hub.fixtures import without_xet

REPO = "cantor/articles"
CARD = b"---\nlicense: cc-by-sa-4.0\n---\n"
LARGE = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(LARGE).hexdigest()

LOAD_DATASET = """
import json, datasets
loaded = datasets.load_dataset("cantor/articles", split="train", revision="20231101")
streamed = datasets.load_dataset("cantor/articles", split="train", streaming=True)
print(json.dumps([list(loaded), list(streamed)]))
"""


@pytest.fixture(autouse=True)
def _lfs(monkeypatch):
    without_xet(monkeypatch)


@pytest.fixture(name="api")
def _api(hub: LocalHub) -> HfApi:
    api = HfApi(endpoint=hub.url, token=WRITE_TOKEN)
    api.create_repo(REPO, repo_type="dataset")
    hub.served.clear()
    return api


def commit(api: HfApi, files: dict[str, bytes], **options):
    return commit_operations(
        api, [CommitOperationAdd(path, data) for path, data in files.items()], **options
    )


def commit_operations(api: HfApi, operations, **options):
    return api.create_commit(
        REPO, operations, commit_message="A commit", repo_type="dataset", **options
    )


def read(hub: LocalHub, path: str, revision: str = "main") -> bytes:
    return hub.files(REPO, revision)[path].data


def test_a_new_repository_holds_the_default_attributes(api: HfApi):
    api.auth_check(REPO, repo_type="dataset", write=True)
    assert api.list_repo_files(REPO, repo_type="dataset") == [".gitattributes"]
    assert [each.title for each in api.list_repo_commits(REPO, repo_type="dataset")] == [
        "initial commit"
    ]


def test_creating_a_repository_twice_is_a_conflict_without_exist_ok(api: HfApi):
    url = api.create_repo(REPO, repo_type="dataset", exist_ok=True)
    assert url.repo_id == REPO
    with pytest.raises(HfHubHTTPError, match="You already created this dataset repo") as raised:
        api.create_repo(REPO, repo_type="dataset")
    assert raised.value.response.status_code == 409


@pytest.mark.parametrize("token", [TOKEN, WRITE_TOKEN, FINE_GRAINED_TOKEN])
def test_a_namespace_of_others_is_refused(hub: LocalHub, token: str):
    with pytest.raises(HfHubHTTPError, match="rights to create a dataset under the namespace"):
        HfApi(endpoint=hub.url, token=token).create_repo("gauss/letters", repo_type="dataset")


@pytest.mark.parametrize(
    ("token", "namespace"),
    [
        (WRITE_TOKEN, "set-theory"),
        (WRITE_TOKEN, "crelle"),
        (WRITE_TOKEN, "halle"),
        (FINE_GRAINED_TOKEN, "cuts"),
    ],
)
def test_roles_and_scopes_open_namespaces(hub: LocalHub, token: str, namespace: str):
    api = HfApi(endpoint=hub.url, token=token)
    api.create_repo(f"{namespace}/articles", repo_type="dataset", private=True)
    api.upload_file(
        path_or_fileobj=b"a", path_in_repo="a", repo_id=f"{namespace}/articles", repo_type="dataset"
    )
    assert api.dataset_info(f"{namespace}/articles").private


def test_a_private_repository_is_hidden_from_others(hub: LocalHub, api: HfApi):
    api.update_repo_settings(REPO, repo_type="dataset", visibility="private")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.url, token=FINE_GRAINED_TOKEN).dataset_info(REPO)
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.url, token=False).dataset_info(REPO)


def test_a_repository_can_be_deleted(api: HfApi):
    api.delete_repo(REPO, repo_type="dataset")
    assert not api.repo_exists(REPO, repo_type="dataset")
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(REPO, repo_type="dataset")


def test_small_and_large_files_are_committed(hub: LocalHub, api: HfApi, tmp_path: Path):
    (tmp_path / "one.parquet").write_bytes(LARGE)
    operations = [
        CommitOperationAdd("README.md", CARD),
        CommitOperationAdd("data/one.parquet", tmp_path / "one.parquet"),
        CommitOperationAdd("data/empty.parquet", b""),
    ]

    made = commit_operations(api, operations)

    assert len(made.oid) == 40
    assert api.dataset_info(REPO).sha == made.oid
    assert read(hub, "README.md") == CARD
    paths = ["data/empty.parquet", "data/one.parquet"]
    found = api.get_paths_info(REPO, paths, repo_type="dataset")
    assert [isinstance(each, RepoFile) and each.lfs and each.lfs.sha256 for each in found] == [
        None,
        SHA256,
    ]
    assert Path(api.hf_hub_download(REPO, paths[1], repo_type="dataset")).read_bytes() == LARGE
    assert hub.received_bytes("/upload/") == len(LARGE)


def test_stored_content_is_not_sent_again(hub: LocalHub, api: HfApi):
    commit(api, {"one.parquet": LARGE})
    commit(api, {"again.parquet": LARGE})
    assert len(hub.requests("/upload/", method="PUT")) == 1
    assert read(hub, "again.parquet") == LARGE


@pytest.mark.parametrize("name", ["a.txt", "a.parquet"])
def test_a_commit_of_the_same_content_is_left_out_by_the_client(
    hub: LocalHub, api: HfApi, name: str
):
    made = commit(api, {name: b"a"})
    assert commit(api, {name: b"a"}).oid == made.oid
    assert len(hub.requests("/commit/")) == 1


def test_a_large_object_comes_in_parts(hub: LocalHub, api: HfApi, tmp_path: Path):
    hub.multipart_above, hub.multipart_bytes = 100_000, 60_000
    (tmp_path / "one.parquet").write_bytes(LARGE)
    api.upload_file(
        path_or_fileobj=tmp_path / "one.parquet",
        path_in_repo="one.parquet",
        repo_id=REPO,
        repo_type="dataset",
    )
    assert read(hub, "one.parquet") == LARGE
    sent = [each.received_bytes for each in hub.requests("/upload/", method="PUT")]
    assert sent == [60_000] * 4 + [16_000]
    assert not hub.partial_uploads


def test_files_and_folders_are_deleted(hub: LocalHub, api: HfApi):
    commit(api, {"a/1.txt": b"1", "a/2.txt": b"2", "b.txt": b"b", "c.txt": b"c"})
    gone = [CommitOperationDelete("a/"), CommitOperationDelete("b.txt")]
    commit_operations(api, gone)
    assert sorted(hub.files(REPO)) == [".gitattributes", "c.txt"]
    with pytest.raises(EntryNotFoundError, match="A file with this name doesn't exist"):
        commit_operations(api, gone[1:])


def test_a_commit_after_another_parent_is_refused(hub: LocalHub, api: HfApi):
    first = api.dataset_info(REPO).sha
    commit(api, {"a.txt": b"a"}, parent_commit=first)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as raised:
        commit(api, {"b.txt": b"b"}, parent_commit=first)
    assert raised.value.response.status_code == 412
    assert "b.txt" not in hub.files(REPO)


def test_a_commit_that_names_what_was_not_uploaded_is_refused(hub: LocalHub, api: HfApi):
    hub.add("somebody/else", {"one.parquet": LARGE})
    add = CommitOperationAdd("one.parquet", LARGE)
    add._upload_mode, add._is_uploaded = "lfs", True
    with pytest.raises(BadRequestError, match="an LFS pointer pointed to a file"):
        commit_operations(api, [add])


def test_bytes_that_differ_from_the_announced_ones_are_refused(
    hub: LocalHub, api: HfApi, tmp_path: Path
):
    path = tmp_path / "one.parquet"
    path.write_bytes(LARGE)
    add = CommitOperationAdd("one.parquet", path)
    assert add.upload_info.sha256
    path.write_bytes(LARGE[:-1] + b"\0")
    with pytest.raises(RuntimeError, match="Error while uploading") as raised:
        api.preupload_lfs_files(REPO, [add], repo_type="dataset")
    assert "BadDigest" in str(raised.value.__cause__)
    assert not hub.repository(REPO).objects


def test_ignored_files_are_left_out(hub: LocalHub, api: HfApi):
    commit(api, {".gitignore": b"*.tmp\n", "a.tmp": b"a", "b.txt": b"b"})
    assert sorted(hub.files(REPO)) == [".gitattributes", ".gitignore", "b.txt"]


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (TOKEN, "you must use a write token to upload to a repository"),
        (FINE_GRAINED_TOKEN, "Authorization error"),
        ("hf_nobody", "Invalid credentials"),
    ],
)
@pytest.mark.usefixtures("api")
def test_an_account_without_write_access_is_refused_before_the_first_byte(
    hub: LocalHub, token: str, sentence: str
):
    other = HfApi(endpoint=hub.url, token=token)
    with pytest.raises(HfHubHTTPError, match=sentence):
        commit(other, {"one.parquet": LARGE})
    assert not hub.received_bytes("/upload/")


@pytest.mark.usefixtures("api")
def test_an_account_without_write_access_can_neither_commit_nor_tag(hub: LocalHub):
    other = HfApi(endpoint=hub.url, token=FINE_GRAINED_TOKEN)
    add = CommitOperationAdd("a.txt", b"a")
    add._upload_mode, add._is_uploaded = "regular", True
    with pytest.raises(HfHubHTTPError, match="pass `create_pr=1` as a query parameter"):
        commit_operations(other, [add])
    with pytest.raises(HfHubHTTPError, match="403 Forbidden"):
        other.auth_check(REPO, repo_type="dataset", write=True)
    for change in (other.create_tag, other.delete_tag):
        with pytest.raises(HfHubHTTPError, match="403 Forbidden"):
            change(REPO, tag="1", repo_type="dataset")


def test_a_private_repository_that_is_full_is_refused_before_the_first_byte(
    hub: LocalHub, api: HfApi
):
    hub.private_quota_bytes = len(LARGE)
    api.update_repo_settings(REPO, repo_type="dataset", visibility="private")
    commit(api, {"one.parquet": LARGE})
    with pytest.raises(HfHubHTTPError, match="Private repository storage limit reached"):
        commit(api, {"two.parquet": b"more"})
    assert hub.received_bytes("/upload/") == len(LARGE)


def test_tags_stay_where_they_are(hub: LocalHub, api: HfApi):
    commit(api, {"a.txt": b"old"})
    api.create_tag(REPO, tag="20231101", repo_type="dataset")
    commit(api, {"a.txt": b"new"})
    with pytest.raises(HfHubHTTPError, match="already exists") as raised:
        api.create_tag(REPO, tag="20231101", repo_type="dataset")
    assert raised.value.response.status_code == 409
    api.create_tag(REPO, tag="20231101", repo_type="dataset", exist_ok=True)

    path = api.hf_hub_download(REPO, "a.txt", repo_type="dataset", revision="20231101")
    assert Path(path).read_bytes() == b"old"
    [tag] = api.list_repo_refs(REPO, repo_type="dataset").tags
    assert (tag.name, tag.target_commit) == ("20231101", hub.repository(REPO).resolve("20231101"))
    api.delete_tag(REPO, tag="20231101", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(REPO, revision="20231101")


def test_branches_are_made_and_deleted(hub: LocalHub, api: HfApi):
    api.create_branch(REPO, branch="a/b", repo_type="dataset")
    commit(api, {"a.txt": b"a"}, revision="a/b")
    assert "a.txt" not in hub.files(REPO)
    assert api.file_exists(REPO, "a.txt", repo_type="dataset", revision="a/b")
    names = [each.name for each in api.list_repo_refs(REPO, repo_type="dataset").branches]
    assert names == ["main", "a/b"]
    api.delete_branch(REPO, branch="a/b", repo_type="dataset")
    with pytest.raises(HfHubHTTPError):
        api.delete_branch(REPO, branch="main", repo_type="dataset")


def test_commits_come_in_pages(hub: LocalHub, api: HfApi):
    hub.page_size = 2
    for number in range(4):
        commit(api, {"a.txt": str(number).encode()})
    assert len(api.list_repo_commits(REPO, repo_type="dataset")) == 5
    assert len(hub.requests("/commits/")) == 3


def test_metadata_of_a_card_that_is_no_yaml_is_refused(api: HfApi):
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        commit(api, {"README.md": b"---\na: [\n---\n"})


def test_load_dataset_reads_what_was_committed(hub: LocalHub, api: HfApi, tmp_path: Path):
    rows = [{"id": "1", "text": "one"}, {"id": "2", "text": "two"}]
    parquet = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    commit(api, {"README.md": CARD, "data/train-00000-of-00001.parquet": parquet.getvalue()})
    api.create_tag(REPO, tag="20231101", repo_type="dataset")

    assert run_client(LOAD_DATASET, hub, tmp_path) == [rows, rows]
