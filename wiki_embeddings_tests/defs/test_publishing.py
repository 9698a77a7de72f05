from __future__ import annotations

import json
from pathlib import Path

import pyarrow.dataset as pads
from datasets import load_dataset
from huggingface_hub import hf_hub_download

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.defs.materializations import current_manifest
from wiki_embeddings.defs.publishing import reads_back
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.support.dagster_runs import (
    checks,
    failures,
    metadata,
)
from wiki_embeddings_tests.support.generated_wiki import WIKI, wikipedia

REPO_ID = "cantor/wikipedia-simple-tiny-bert"


def test_a_run_publishes_to_the_hub_and_says_where(embedded_sandbox: Sandbox, writable: LocalHub):
    result = embedded_sandbox.materialize(namespace="cantor")
    recorded = metadata(result, "hub_dataset")
    assert checks(result)["reads_back_from_the_hub"]
    assert recorded["hub"] == f"{writable.url}/datasets/{REPO_ID}"
    assert recorded["hub_tag"] == "20231101"
    assert recorded["hub_changed"] is True
    assert recorded["pull_request"] == f"{recorded['hub']}/discussions/1"
    assert REPO_ID in recorded["how_to_load"]

    dataset = load_dataset(REPO_ID, revision=recorded["hub_tag"], split="train")
    vectors = pads.dataset(embedded_sandbox.folder("embeddings"), exclude_invalid_files=True)
    assert dataset.to_list() == vectors.to_table().to_pylist()
    for revision in ("main", recorded["hub_tag"], recorded["hub_commit"]):
        path = hf_hub_download(
            REPO_ID, "wiki_embeddings.json", repo_type="dataset", revision=revision
        )
        digest = json.loads(Path(path).read_text())["digest"]
        assert embedded_sandbox.recorded("hub_dataset").data_version == digest


def test_publishing_the_same_again_changes_nothing_and_says_so(
    embedded_sandbox: Sandbox, writable: LocalHub
):
    assert embedded_sandbox.materialize("hub_dataset", namespace="cantor").success
    before = dict(writable.files(REPO_ID))
    sent = len(writable.requests(method="POST"))
    again = embedded_sandbox.materialize("hub_dataset", namespace="cantor")
    assert metadata(again, "hub_dataset")["hub_changed"] is False
    logged = [entry.user_message for entry in embedded_sandbox.instance.all_logs(again.run_id)]
    assert any("nothing was changed" in line for line in logged)
    assert dict(writable.files(REPO_ID)) == before
    posts = [served.path for served in writable.requests(method="POST")[sent:]]
    assert [path for path in posts if "commit" in path or "merge" in path] == []


def test_a_token_that_may_not_write_is_refused_before_anything_is_fetched(
    sandbox: Sandbox, writable: LocalHub, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    messages = sandbox.failures(namespace="cantor")
    assert list(messages) == ["raw_wikipedia"]
    assert "ada's token (read) may write to nothing" in messages["raw_wikipedia"]
    assert "WIKI_EMBEDDINGS_HUB_NAMESPACE" in messages["raw_wikipedia"]
    assert not (sandbox.root / "volume").exists()
    assert writable.requests(method="PUT") == []


def test_only_an_asset_that_publishes_needs_a_token_that_may_write(
    embedded_sandbox: Sandbox, writable: LocalHub, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    result = embedded_sandbox.materialize(*ASSET_KEYS[:3], namespace="cantor")
    assert result.success, failures(result)
    assert not writable.requests("/whoami-v2")
    for assets in [("hub_dataset",), ("embeddings", "hub_dataset")]:
        messages = embedded_sandbox.failures(*assets, namespace="cantor")
        assert list(messages) == [assets[0]], "asked before anything is done"
        assert "may write to nothing" in messages[assets[0]]
    assert len(writable.requests("/whoami-v2")) == 2


def test_a_file_altered_on_the_hub_is_noticed_and_published_again(
    embedded_sandbox: Sandbox, writable: LocalHub
):
    assert embedded_sandbox.materialize("hub_dataset", namespace="cantor").success
    name = "data/train-00000-of-00001.parquet"
    writable.alter_stored(REPO_ID, "main", name, parquet(wikipedia(range(3))))
    resources = embedded_sandbox.resources(namespace="cantor")
    compute = resources["compute"].open()
    published = current_manifest(embedded_sandbox.instance, compute, "hub_dataset", WIKI)
    assert not reads_back(published, compute, resources["hub"]).passed
    again = embedded_sandbox.materialize("hub_dataset", namespace="cantor")
    assert again.success, "publishing again has put it right"
    assert checks(again)["reads_back_from_the_hub"]


def test_a_private_dataset_gets_a_private_repository(embedded_sandbox: Sandbox, writable: LocalHub):
    result = embedded_sandbox.materialize("hub_dataset", namespace="cantor", private=True)
    assert result.success, failures(result)
    assert writable.repository(REPO_ID).private


def test_no_token_is_in_any_event_or_file(embedded_sandbox: Sandbox, writable: LocalHub):
    writable.fail("/commit/", 500, times=2)
    result = embedded_sandbox.materialize("hub_dataset", namespace="cantor")
    assert result.success, failures(result)
    logged = [str(entry) for entry in embedded_sandbox.instance.all_logs(result.run_id)]
    assert not [line for line in logged if WRITE_TOKEN in line]
    files = [path for path in embedded_sandbox.root.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()]
