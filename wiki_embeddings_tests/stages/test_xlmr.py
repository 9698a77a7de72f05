"""The stages with a model whose tokenizer is XLM-R's."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.progress import silent
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.stages import chunk, embed, fetch
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.encoders.references import unpacked_xlmr


@pytest.fixture(autouse=True)
def no_encoder_yet():
    embed._load_once.cache_clear()
    yield
    embed._load_once.cache_clear()


def test_a_wiki_is_embedded_whole(tmp_path):
    model = str(unpacked_xlmr(tmp_path))
    volume = Volume(tmp_path / "volume")
    compute = LocalCompute(volume.root, cores=1)
    part = fetch.plan(ArticleSelection("sample", fraction=0.03), articles_per_shard=2)
    raw = materialize(part, compute, silent, "raw_wikipedia").manifest
    config = chunk.prepare(volume, model, None, token_budget=200, title_prefix=False)
    chunks = materialize(chunk.plan(raw, config), compute, silent, "chunked_volume").manifest
    plan = embed.plan(chunks, encoders.describe(model, "cpu"))
    embeddings = materialize(plan, compute, silent, "embeddings").manifest
    assert embeddings.rows == chunks.rows > raw.rows

    rows = pq.read_table(volume.path(embeddings.folder) / embeddings.files[0].name)
    cut = pq.read_table(volume.path(chunks.folder) / chunks.files[0].name)
    assert max(len(tokens.as_py()) for tokens in cut.column("tokens")) <= 200 - 2 - 6
    texts = rows.column("text").to_pylist()
    alone = encoders.load(model, "cpu").encode_texts(texts)
    np.testing.assert_allclose(vectors_of(rows), alone, atol=2.0**-10)
