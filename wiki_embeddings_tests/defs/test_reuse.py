"""A refresh embeds what is new, and says how much that was and what it saved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import datasets
import pyarrow.dataset as pads
import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.volume import Volume, throughput_record
from wiki_embeddings_tests.defs.conftest import ARTICLES
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.generated_wiki import WIKI, serve, wikipedia


def refresh(sandbox: Sandbox, *, publish: bool = False, **embeddings: Any) -> dict[str, Any]:
    """Materialize the assets with smaller shards; return what `embeddings` records."""
    config: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "hub", "articles_per_shard": 3},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": 128},
        "embeddings": embeddings,
    }
    run = dagster_runs.materialize(
        sandbox.instance, WIKI, ASSET_KEYS[: 4 if publish else 3], config, sandbox.resources()
    )
    return dagster_runs.metadata(run, "embeddings")


@pytest.fixture
def more_articles(hub: LocalHub) -> None:
    serve(hub, parquet(wikipedia(range(ARTICLES + 10))))


@pytest.mark.usefixtures("more_articles")
def test_a_refresh_embeds_only_what_is_new_and_says_what_that_saved(embedded_sandbox):
    before = embedded_sandbox.recorded("embeddings").folder
    volume = Volume(embedded_sandbox.root / "volume")
    first = existing_manifest(volume, before)
    precision = first.settings["embeddings"]["precision"]
    other = refresh(embedded_sandbox, precision="int8" if precision == "float32" else "float32")
    assert "reused_chunks" not in other, "other numbers"

    recorded = refresh(embedded_sandbox, precision=precision)
    assert recorded["reused_from"] == before
    assert (recorded["reused_chunks"], recorded["dropped_chunks"]) == (first.rows, 0)
    assert recorded["embedded_chunks"] == recorded["dagster/row_count"] - first.rows > 0
    assert recorded["saved_seconds"] > 0
    assert recorded["saved"].startswith("about ")
    assert "saved_dollars" not in recorded, "this machine has no price"
    assert volume.path(throughput_record(before)).exists()
    assert not volume.path(throughput_record(recorded["folder"])).exists()


@pytest.mark.usefixtures("writable")
def test_a_refresh_that_embeds_nothing_counts_at_the_rate_of_the_run_before(embedded_sandbox):
    before = embedded_sandbox.recorded("embeddings").folder
    volume = Volume(embedded_sandbox.root / "volume")
    record = volume.path(throughput_record(before))
    rows = existing_manifest(volume, before).rows
    measured = {"passages": rows // 2, "seconds": rows // 2 * 1.5, "dollars": rows // 2 * 0.25}
    record.write_text(json.dumps({**json.loads(record.read_text()), **measured}))

    recorded = refresh(embedded_sandbox)
    assert (recorded["reused_chunks"], recorded["embedded_chunks"]) == (rows, 0)
    assert recorded["saved_seconds"] == round(rows * 1.5, 1)
    assert recorded["saved_dollars"] == rows * 0.25

    record.unlink()
    unknown = refresh(embedded_sandbox)
    assert unknown["reused_from"] == before
    assert not {"saved", "saved_seconds", "saved_dollars"} & unknown.keys()


@pytest.mark.usefixtures("more_articles")
def test_a_dataset_says_what_changed_since_the_one_published_before(
    embedded_sandbox, tmp_path, monkeypatch
):
    published = embedded_sandbox.root / "hub" / "wikipedia-simple-tiny-bert"
    assert embedded_sandbox.materialize("hub_dataset").success
    assert not (published / "changes").exists(), "nothing was published before"
    index = {key: (hash_, None) for key, hash_ in hashes(published).items()}
    index[ARTICLES + 70, 0] = ("0" * 32, None)  # of a page that is not listed: it stays
    (published / "changes").mkdir()
    earlier = published / "changes" / "20231001.parquet"
    earlier.write_bytes(b"what the first one changed")

    refresh(embedded_sandbox, publish=True)
    names = sorted(path.name for path in (published / "changes").iterdir())
    assert names == ["20231001.parquet", "20231101.parquet"]
    assert (published / "changes" / "20231001.parquet").read_bytes() == earlier.read_bytes()
    (code,) = re.findall(
        r"```python\n([^`]*\"changes\"[^`]*)```", (published / "README.md").read_text()
    )
    monkeypatch.chdir(published)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    exec(code.replace("index = {}", "pass"), {"index": index})
    index.pop((ARTICLES + 70, 0))
    assert {key: hash_ for key, (hash_, _) in index.items()} == hashes(published)
    fetched = [key for key, (_, vector) in index.items() if vector is not None]
    assert {page for page, _ in fetched} == set(range(ARTICLES, ARTICLES + 10))

    before = embedded_sandbox.folder("hub_dataset")
    assert embedded_sandbox.materialize("hub_dataset").success
    assert embedded_sandbox.folder("hub_dataset") == before, "compared with the same snapshot"


def hashes(dataset: Path) -> dict[tuple[int, int], str]:
    """Hash of each passage in a published dataset, by page id and chunk index."""
    rows = pads.dataset(dataset / "data").to_table(columns=["id", "chunk_index", "hash"])
    return {(row["id"], row["chunk_index"]): row["hash"] for row in rows.to_pylist()}
