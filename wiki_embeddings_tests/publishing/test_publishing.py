from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import hf_hub_download

from wiki_embeddings.dataset_layout import RECORD
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    create_dataset,
    main_commit,
    read_content,
    tag_commits,
)


def card_at(revision):
    path = hf_hub_download(REPO_ID, "README.md", repo_type="dataset", revision=revision)
    return Path(path).read_text(encoding="utf-8")


def read_rows(datasets, manifest):
    """Read the rows of a dataset from the volume."""
    names = [file.name for file in manifest.files if file.rows]
    tables = [pq.read_table(datasets.volume.path(f"{manifest.folder}/{name}")) for name in names]
    return [row for table in tables for row in table.to_pylist()]


@pytest.mark.usefixtures("transfer")
def test_a_dataset_reads_back_at_main_and_at_its_tag(datasets):
    result = datasets.publish(datasets.first)
    assert (result.tag, result.has_changed) == ("20231101", True)
    for revision in ("main", result.tag, result.commit):
        rows = load_dataset(REPO_ID, revision=revision, split="train")
        assert rows.to_list() == read_rows(datasets, datasets.first)
        path = hf_hub_download(REPO_ID, RECORD, repo_type="dataset", revision=revision)
        assert json.loads(Path(path).read_bytes())["digest"] == datasets.first.digest
    assert datasets.check_readback(datasets.first).passed


@pytest.mark.usefixtures("transfer")
def test_publishing_the_next_snapshot_does_not_change_the_tag_of_the_first(datasets, hub):
    first = datasets.publish(datasets.first)
    before = read_content(hub, first.tag)
    second = datasets.publish(datasets.second)
    assert second.tag == "20240101"
    assert tag_commits(hub) == {"20231101": first.commit, "20240101": second.commit}
    assert read_content(hub, first.tag) == before
    for tag, manifest in ((first.tag, datasets.first), (second.tag, datasets.second)):
        rows = load_dataset(REPO_ID, revision=tag, split="train")
        assert rows.to_list() == read_rows(datasets, manifest)
    result = datasets.check_readback(datasets.first)
    assert not result.passed, "main holds the second one now"


@pytest.mark.usefixtures("hub")
def test_the_card_says_what_changed_since_the_previous_snapshot(datasets):
    first = datasets.publish(datasets.first)
    second = datasets.publish(datasets.second)
    assert "This is the first snapshot published here." in card_at(first.tag)
    card = card_at(second.tag)
    assert "| | 20231101 | 20240101 | difference |" in card
    assert f'dataset = "{REPO_ID}"' in card
    assert 'revision="20240101"' in card


def test_publishing_the_same_again_changes_nothing(datasets, hub):
    first = datasets.publish(datasets.first)
    served_before = len(hub.served)
    again = datasets.publish(datasets.first)
    assert again == replace(first, has_changed=False, pull_request_url="")
    requests = {(served.method, served.path) for served in hub.served[served_before:]}
    assert {method for method, _ in requests} <= {"GET", "HEAD", "POST"}
    assert [path for method, path in requests if method == "POST"] == ["/api/repos/create"]


def test_data_files_of_the_previous_version_are_removed(datasets, hub):
    datasets.publish(datasets.first)
    vectors = existing_manifest(datasets.volume, datasets.second.upstream.folder)
    other = create_dataset(datasets.volume, vectors, shards_per_file=1)
    datasets.publish(other)
    paths = {path for path in hub.files(REPO_ID) if path.startswith("data/")}
    assert paths == {file.name for file in other.files if file.rows}
    assert len(paths) == 6


def test_another_version_of_the_same_snapshot_gets_another_tag(datasets, hub):
    first = datasets.publish(datasets.first)
    vectors = existing_manifest(datasets.volume, datasets.first.upstream.folder)
    other = create_dataset(datasets.volume, vectors, shards_per_file=1)
    second = datasets.publish(other)
    assert second.tag == f"20231101-{other.digest[:8]}"
    assert tag_commits(hub) == {"20231101": first.commit, second.tag: second.commit}
    assert f'revision="{second.tag}"' in card_at("main"), "the card names its tag"
    assert main_commit(hub) == second.commit
    assert datasets.publish(other).tag == second.tag
