"""The checks of quality, on a part of the sample with its own model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.manifest import Manifest, write_manifest
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.stages import chunk, embed, fetch
from wiki_embeddings.stages.embedding_map import draw_map
from wiki_embeddings.stages.precision_check import agrees_with_float32
from wiki_embeddings.stages.recall_check import recall_at_10
from wiki_embeddings.stages.shard import Plan
from wiki_embeddings.volume import Volume


@pytest.fixture(scope="module")
def volume(tmp_path_factory) -> Volume:
    return Volume(tmp_path_factory.mktemp("quality") / "volume")


def made_here(volume: Volume, plan: Plan[Any]) -> Manifest:
    """Make a plan in this process: for a few shards, others take longer to start."""
    reports = [plan.make(spec, volume, lambda _units: None) for spec in plan.specs]
    manifest = plan.manifest(report.file for report in reports)
    write_manifest(volume, manifest)
    return manifest


@pytest.fixture(scope="module")
def vectors(volume) -> Manifest:
    plan = fetch.plan(ArticleSelection("sample", fraction=0.04), articles_per_shard=2)
    raw = made_here(volume, plan)
    chunking = chunk.prepare(volume, DEFAULT_MODEL, None, token_budget=256, title_prefix=True)
    chunks = made_here(volume, chunk.plan(raw, chunking))
    info = encoders.describe(None, "cpu", precision="int8")
    return made_here(volume, embed.plan(chunks, info))


def test_search_finds_titles_and_the_stored_questions_of_the_articles_that_are_there(
    volume, vectors
):
    result = recall_at_10(volume, vectors.folder)
    assert result.passed, result.description
    assert result.metadata["titles"] == vectors.totals["articles"]
    assert 0 < result.metadata["questions"] < 30
    assert result.metadata["passages_searched"] == vectors.rows


def test_vectors_in_int8_agree_with_float32(volume, vectors):
    result = agrees_with_float32(volume, vectors.folder)
    assert result.passed, result.description
    assert result.metadata["precision"] == "int8"
    assert 0.99 < result.metadata["mean_cosine"] < 1.0


def test_the_map_is_small(volume, vectors):
    drawn = draw_map(volume, vectors.folder)
    assert drawn is not None
    assert 0 < drawn.points <= vectors.rows
    assert len(drawn.picture) < 100_000


def test_vectors_of_other_passages_pass_neither(volume, vectors):
    random = np.random.default_rng(0)
    kept = {}
    for file in vectors.files:
        path = volume.path(vectors.reference(file))
        kept[path] = path.read_bytes()
        table = pq.read_table(path)
        noise = random.normal(size=vectors_of(table).shape)
        unit = noise / np.linalg.norm(noise, axis=1, keepdims=True)
        column = pa.FixedSizeListArray.from_arrays(unit.astype(np.float16).ravel(), unit.shape[1])
        place = table.column_names.index("embedding")
        embed.write_table(path, table.set_column(place, table.schema.field(place), column))
    try:
        assert not recall_at_10(volume, vectors.folder).passed
        assert not agrees_with_float32(volume, vectors.folder).passed
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
