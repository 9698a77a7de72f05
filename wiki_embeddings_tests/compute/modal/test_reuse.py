"""A refresh in containers: what is on the volume already is copied there, not embedded again."""

from __future__ import annotations

from pathlib import Path

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings_tests.compute.modal.cloud import new_cloud
from wiki_embeddings_tests.support.dagster_runs import metadata

MADE = ASSET_KEYS[:3]


def test_a_refresh_in_containers_embeds_only_what_is_new(tmp_path: Path, tiny_model: Path):
    with new_cloud(tmp_path, tiny_model) as cloud:
        cloud.serve(articles=12)
        first = metadata(cloud.materialize(*MADE), "embeddings")
        cloud.serve(articles=20)
        later = {"raw_wikipedia": {"articles_per_shard": 5}}
        recorded = metadata(cloud.materialize(*MADE, config=later), "embeddings")
        assert recorded["reused_chunks"] == first["dagster/row_count"]
        assert recorded["embedded_chunks"] > 0
        assert recorded["dropped_chunks"] == 0
        assert recorded["saved_dollars"] >= 0
        assert " and $" in recorded["saved"]
