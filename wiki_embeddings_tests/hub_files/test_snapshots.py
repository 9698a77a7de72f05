"""A revision is pinned to a commit, or the error says why not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import huggingface_hub
import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import RepoType, resolve
from wiki_embeddings_tests.hub_files.fetching import (
    CONFIG,
    FILES,
    LARGE,
    QUICK_POLICY,
    REPO,
    SMALL,
    WEIGHTS,
    add_repository,
    fetch,
    file_at,
)
from wiki_embeddings_tests.standins.hub import LocalHub, local_hub


@pytest.mark.parametrize("repo_type", ["model", "dataset"])
def test_a_branch_is_resolved_to_its_commit_and_to_all_files(hub: LocalHub, repo_type: RepoType):
    commit = hub.add(REPO, FILES, repo_type=repo_type)

    snapshot = resolve(REPO, repo_type=repo_type, revision="main")

    assert snapshot.commit == commit
    assert [file.path for file in snapshot.files] == sorted(FILES)
    large, small = file_at(snapshot, LARGE), file_at(snapshot, SMALL)
    assert large.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    assert large.size == len(WEIGHTS)
    assert small.sha256 is None
    assert small.blob_id == hashlib.sha1(b"blob 21\0" + CONFIG).hexdigest()


def test_a_commit_stays_the_same_when_its_branch_moves_on(hub: LocalHub, tmp_path: Path):
    snapshot = add_repository(hub)
    hub.add(REPO, {SMALL: b"another"}, repo_type="model")

    again = resolve(REPO, repo_type="model", revision=snapshot.commit)
    fetch(snapshot, tmp_path / "config.json", SMALL)

    assert again == snapshot
    assert (tmp_path / "config.json").read_bytes() == CONFIG


def test_a_revision_with_a_slash_is_resolved(hub: LocalHub):
    commit = hub.add(REPO, FILES, branch="refs/pr/1")

    assert resolve(REPO, repo_type="dataset", revision="refs/pr/1").commit == commit


def test_an_endpoint_set_after_the_import_is_used(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    hub.add(REPO, FILES)
    with local_hub() as other:
        other_commit = other.add(REPO, {SMALL: b"elsewhere"})
        monkeypatch.setenv("HF_ENDPOINT", other.url + "/")

        assert resolve(REPO, repo_type="dataset", revision="main").commit == other_commit
        huggingface_hub.close_session()
    assert not hub.served


def test_resolving_waits_out_a_short_outage(hub: LocalHub):
    hub.add(REPO, FILES)
    hub.fail("/api/", 503, times=2)

    assert resolve(REPO, repo_type="dataset", revision="main", policy=QUICK_POLICY).files


@pytest.mark.parametrize(
    ("repo_id", "revision", "message"),
    [
        ("somebody/nothing", "main", "no such repository"),
        (REPO, "no-such-branch", "no such revision"),
        ("not a name", "main", "not a valid repository name"),
        ("../../etc/passwd", "main", "not a valid repository name"),
    ],
)
def test_an_unknown_repository_or_revision_is_refused_at_once(
    hub: LocalHub, repo_id: str, revision: str, message: str
):
    hub.add(REPO, FILES)

    with pytest.raises(BadInputError, match=message):
        resolve(repo_id, repo_type="dataset", revision=revision, policy=QUICK_POLICY)

    assert len(hub.served) <= 1


def test_an_answer_that_does_not_come_from_a_hub_is_explained(hub: LocalHub):
    hub.fail("/api/", 200)

    with pytest.raises(WikiEmbeddingsError, match=r"not answer as a Hub does.*HF_ENDPOINT"):
        resolve(REPO, repo_type="dataset", revision="main", policy=QUICK_POLICY)


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://huggingface.co"])
def test_an_invalid_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch, address: str):
    monkeypatch.setenv("HF_ENDPOINT", address)

    with pytest.raises(BadInputError, match=f"HF_ENDPOINT is not a valid address.*{address}"):
        resolve(REPO, repo_type="dataset", revision="main", policy=QUICK_POLICY)


def test_offline_mode_is_reported(monkeypatch: pytest.MonkeyPatch, hub: LocalHub):
    hub.add(REPO, FILES)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    with pytest.raises(WikiEmbeddingsError, match="HF_HUB_OFFLINE"):
        resolve(REPO, repo_type="dataset", revision="main", policy=QUICK_POLICY)


@pytest.mark.parametrize(
    ("dataset_info", "counts"),
    [
        ("{config_name: a, splits: [{name: train, num_examples: 7}]}", {"a": 7}),
        ("{splits: [{num_examples: 7}, {num_examples: 3}]}", {"default": 10}),
        ("[{config_name: a, splits: [{num_examples: 7}]}, {config_name: b}]", {"a": 7}),
        ("[{config_name: a, splits: [{num_examples: many}]}, 3]", {}),
        ("{config_name: a, splits: [3]}", {}),
        ("nothing", {}),
    ],
)
def test_the_rows_that_a_card_counts_are_known(hub: LocalHub, dataset_info: str, counts):
    card = f"---\ndataset_info: {dataset_info}\n---\n# A card\n"
    hub.add(REPO, {**FILES, "README.md": card.encode()}, repo_type="dataset")

    assert resolve(REPO, repo_type="dataset", revision="main").row_counts == counts
