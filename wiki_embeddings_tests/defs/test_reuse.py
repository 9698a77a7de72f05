"""A refresh embeds what is new, and says how much that was and what it saved."""

from __future__ import annotations

from typing import Any

import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.volume import Volume, throughput_record
from wiki_embeddings_tests.defs.conftest import ARTICLES
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.generated_wiki import WIKI, serve, wikipedia


def refresh(sandbox: Sandbox, **embeddings: Any) -> dict[str, Any]:
    """Materialize the first three assets with smaller shards; return what `embeddings` records."""
    config: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "hub", "articles_per_shard": 3},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": 128},
        "embeddings": embeddings,
    }
    run = dagster_runs.materialize(
        sandbox.instance, WIKI, ASSET_KEYS[:3], config, sandbox.resources()
    )
    return dagster_runs.metadata(run, "embeddings")


@pytest.fixture
def more_articles(hub: LocalHub) -> None:
    serve(hub, parquet(wikipedia(range(ARTICLES + 10))))


@pytest.mark.usefixtures("more_articles")
def test_a_refresh_embeds_only_what_is_new_and_says_what_that_saved(embedded_sandbox):
    before = embedded_sandbox.recorded("embeddings").folder
    volume = Volume(embedded_sandbox.root / "volume")
    first = read_manifest(volume, before)
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
