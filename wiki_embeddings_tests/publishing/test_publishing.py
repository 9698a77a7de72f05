from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import hf_hub_download

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.dataset_layout import RECORD
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.publishing.readback import reads_back
from wiki_embeddings.stages import dataset as publish
from wiki_embeddings_tests.publishing.runs import REPO_ID, content_of, main_of, tags_of


def card_at(revision):
    path = hf_hub_download(REPO_ID, "README.md", repo_type="dataset", revision=revision)
    return Path(path).read_text(encoding="utf-8")


def rows_of(datasets, dataset):
    """Rows of a dataset as they lie on the volume."""
    names = [file.name for file in dataset.files if file.rows]
    tables = [pq.read_table(datasets.volume.path(f"{dataset.folder}/{name}")) for name in names]
    return [row for table in tables for row in table.to_pylist()]


@pytest.mark.usefixtures("transfer")
def test_a_dataset_reads_back_at_main_and_at_its_tag(datasets):
    done = datasets.publish(datasets.first)
    assert (done.tag, done.changed) == ("20231101", True)
    for revision in ("main", done.tag, done.commit):
        dataset = load_dataset(REPO_ID, revision=revision, split="train")
        assert dataset.to_list() == rows_of(datasets, datasets.first)
        path = hf_hub_download(REPO_ID, RECORD, repo_type="dataset", revision=revision)
        assert json.loads(Path(path).read_bytes())["digest"] == datasets.first.digest
    assert reads_back(datasets.volume, datasets.first.folder, REPO_ID).passed


@pytest.mark.usefixtures("transfer")
def test_the_next_snapshot_leaves_the_tag_of_the_first_as_it_was(datasets, hub):
    first = datasets.publish(datasets.first)
    before = content_of(hub, first.tag)
    second = datasets.publish(datasets.second)
    assert second.tag == "20240101"
    assert tags_of(hub) == {"20231101": first.commit, "20240101": second.commit}
    assert content_of(hub, first.tag) == before
    for tag, dataset in ((first.tag, datasets.first), (second.tag, datasets.second)):
        read = load_dataset(REPO_ID, revision=tag, split="train").to_list()
        assert read == rows_of(datasets, dataset)
    result = reads_back(datasets.volume, datasets.first.folder, REPO_ID)
    assert not result.passed, "main holds another one now"


@pytest.mark.usefixtures("hub")
def test_the_card_tells_what_changed_since_the_snapshot_before(datasets):
    first = datasets.publish(datasets.first)
    second = datasets.publish(datasets.second)
    assert "This is the first snapshot published here." in card_at(first.tag)
    told = card_at(second.tag)
    assert "| | 20231101 | 20240101 | difference |" in told
    assert f'dataset = "{REPO_ID}"' in told
    assert 'revision="20240101"' in told


def test_the_same_again_changes_nothing(datasets, hub):
    first = datasets.publish(datasets.first)
    asked = len(hub.served)
    again = datasets.publish(datasets.first)
    assert again == replace(first, changed=False, pull_request="")
    done = {(served.method, served.path) for served in hub.served[asked:]}
    assert {method for method, _ in done} <= {"GET", "HEAD", "POST"}
    assert [path for method, path in done if method == "POST"] == ["/api/repos/create"]


def test_files_of_the_version_before_that_do_not_belong_there_are_gone(datasets, hub):
    datasets.publish(datasets.first)
    vectors = existing_manifest(datasets.volume, datasets.second.upstream.folder)
    plan = publish.plan(vectors, file_bytes=1)
    other = materialize(plan, LocalCompute(datasets.root, 1), silent, "hub_dataset").manifest
    datasets.publish(other)
    there = {path for path in hub.files(REPO_ID) if path.startswith("data/")}
    assert there == {file.name for file in other.files if file.rows}
    assert len(there) == 6


def test_another_version_of_the_same_snapshot_gets_a_tag_of_its_own(datasets, hub):
    first = datasets.publish(datasets.first)
    vectors = existing_manifest(datasets.volume, datasets.first.upstream.folder)
    plan = publish.plan(vectors, file_bytes=1)
    other = materialize(plan, LocalCompute(datasets.root, 1), silent, "hub_dataset").manifest
    second = datasets.publish(other)
    assert second.tag == f"20231101-{other.digest[:8]}"
    assert tags_of(hub) == {"20231101": first.commit, second.tag: second.commit}
    assert f'revision="{second.tag}"' in card_at("main"), "the card names its own tag"
    assert main_of(hub) == second.commit
    assert datasets.publish(other).tag == second.tag
