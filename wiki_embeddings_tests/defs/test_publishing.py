from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.dataset as pads
import pytest
from datasets import load_dataset
from huggingface_hub import hf_hub_download

from wiki_embeddings.defs.asset_checks import asset_checks
from wiki_embeddings.defs.assets import hub_dataset
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings_tests.defs.test_assets import (
    ASSETS,
    Place,
    checks,
    failures,
    place,
    serve,
    wikipedia,
)
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.fixtures import hub_of_this_process

__all__ = ["place"]

REPO_ID = "cantor/wikipedia-simple-tiny-bert"

QUIET = {"telemetry": {"enabled": False}}


@pytest.fixture(name="writable")
def writable_fixture(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A Hub with a wiki on it, and a token in the environment that may write."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    serve(hub, parquet(wikipedia(range(40))))
    return hub


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A place where all is made but the dataset; not to be changed."""
    root = tmp_path_factory.mktemp("embedded")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        hub_of_this_process(monkeypatch, tmp_path_factory.mktemp("logged_out")) as hub,
        dg.DagsterInstance.local_temp(str(root), overrides=QUIET) as instance,
    ):
        serve(hub, parquet(wikipedia(range(40))))
        made = Place(root, instance, tiny_model).materialize(*ASSETS[:3])
        assert made.success, failures(made)
    return root


@pytest.fixture(name="ready")
def ready_fixture(embedded: Path, tmp_path: Path, tiny_model: Path) -> Iterator[Place]:
    """The same for one test alone, that goes on from there."""
    root = tmp_path / "ready"
    shutil.copytree(embedded, root)
    with dg.DagsterInstance.local_temp(str(root), overrides=QUIET) as instance:
        yield Place(root, instance, tiny_model)


def test_a_run_publishes_to_the_hub_and_says_where(place: Place, writable: LocalHub):
    result = place.materialize(namespace="cantor")
    assert result.success, failures(result)
    assert checks(result)["reads_back_from_the_hub"]
    (made,) = result.asset_materializations_for_node("hub_dataset")
    told: dict[str, Any] = {name: entry.value for name, entry in made.metadata.items()}
    assert told["hub"] == f"{writable.url}/datasets/{REPO_ID}"
    assert told["hub_tag"] == "20231101"
    assert told["hub_changed"] is True
    assert told["pull_request"] == f"{told['hub']}/discussions/1"
    assert REPO_ID in told["how_to_load"]

    dataset = load_dataset(REPO_ID, revision=told["hub_tag"], split="train")
    vectors = pads.dataset(place.folder("embeddings"), exclude_invalid_files=True)
    assert dataset.to_list() == vectors.to_table().to_pylist()
    for revision in ("main", told["hub_tag"], told["hub_commit"]):
        path = hf_hub_download(
            REPO_ID, "wiki_embeddings.json", repo_type="dataset", revision=revision
        )
        digest = json.loads(Path(path).read_text())["digest"]
        assert (made.tags or {})["dagster/data_version"] == digest


def test_the_same_again_changes_nothing_and_says_so(ready: Place, writable: LocalHub):
    assert ready.materialize("hub_dataset", namespace="cantor").success
    before = dict(writable.files(REPO_ID))
    sent = len(writable.requests(method="POST"))
    again = ready.materialize("hub_dataset", namespace="cantor")
    assert again.success, failures(again)
    (made,) = again.asset_materializations_for_node("hub_dataset")
    assert made.metadata["hub_changed"].value is False
    logged = [entry.user_message for entry in ready.instance.all_logs(again.run_id)]
    assert any("nothing was changed" in line for line in logged)
    assert dict(writable.files(REPO_ID)) == before
    posts = [served.path for served in writable.requests(method="POST")[sent:]]
    assert [path for path in posts if "commit" in path or "merge" in path] == []


def test_a_token_that_may_not_write_is_refused_before_anything_is_fetched(
    place: Place, writable: LocalHub, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    told = failures(place.materialize(namespace="cantor"))
    assert list(told) == ["raw_wikipedia"]
    assert "ada's token (read) may write to nothing" in told["raw_wikipedia"]
    assert "WIKI_EMBEDDINGS_HUB_NAMESPACE" in told["raw_wikipedia"]
    assert not (place.root / "volume").exists()
    assert writable.requests(method="PUT") == []


@pytest.mark.usefixtures("writable")
def test_assets_that_publish_nothing_need_no_token_that_may(place: Place, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    result = place.materialize(*ASSETS[:3], namespace="cantor")
    assert result.success, failures(result)
    told = failures(place.materialize("hub_dataset", namespace="cantor"))
    assert "may write to nothing" in told["hub_dataset"]


def test_a_run_of_the_last_assets_asks_first_too(ready: Place, writable: LocalHub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    told = failures(ready.materialize("embeddings", "hub_dataset", namespace="cantor"))
    assert list(told) == ["embeddings"]
    assert len(writable.requests("/whoami-v2")) == 1


def test_what_was_altered_on_the_hub_is_noticed_and_put_right(ready: Place, writable: LocalHub):
    assert ready.materialize("hub_dataset", namespace="cantor").success
    name = "data/train-00000-of-00001.parquet"
    writable.alter_stored(REPO_ID, "main", name, parquet(wikipedia(range(3))))
    key = dg.AssetCheckKey(dg.AssetKey("hub_dataset"), "reads_back_from_the_hub")
    alone = dg.materialize(
        [hub_dataset, *asset_checks],
        selection=dg.AssetSelection.checks(key),
        instance=ready.instance,
        resources={
            "compute": ComputeResource(volume=str(ready.root / "volume")),
            "hub": HubResource(folder=str(ready.root / "hub"), namespace="cantor"),
            "listener": lambda _: None,
        },
        raise_on_error=False,
    )
    assert checks(alone) == {"reads_back_from_the_hub": False}
    again = ready.materialize("hub_dataset", namespace="cantor")
    assert again.success, "publishing again has put it right"
    assert checks(again)["reads_back_from_the_hub"]


def test_a_private_dataset_is_made_private(ready: Place, writable: LocalHub):
    result = ready.materialize("hub_dataset", namespace="cantor", private=True)
    assert result.success, failures(result)
    assert writable.repository(REPO_ID).private


def test_no_token_is_in_any_event_or_file(ready: Place, writable: LocalHub):
    writable.fail("/commit/", 500, times=2)
    result = ready.materialize("hub_dataset", namespace="cantor")
    assert result.success, failures(result)
    logged = [str(entry) for entry in ready.instance.all_logs(result.run_id)]
    assert not [line for line in logged if WRITE_TOKEN in line]
    files = [path for path in ready.root.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()]
