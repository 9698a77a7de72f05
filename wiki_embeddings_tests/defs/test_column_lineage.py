"""Each column names the columns that it is made from, and they exist."""

from __future__ import annotations

import pytest

from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.defs.column_lineage import COLUMNS, UPSTREAM, column_lineage, described
from wiki_embeddings.schemas import RAW_SCHEMA, chunk_schema, embedding_schema

SCHEMAS = {
    RAW_WIKIPEDIA: RAW_SCHEMA,
    CHUNKED_VOLUME: chunk_schema(30_522),
    EMBEDDINGS: embedding_schema(384),
    HUB_DATASET: embedding_schema(384),
}


@pytest.mark.parametrize("asset", UPSTREAM)
def test_every_column_is_made_from_columns_of_the_asset_before(asset):
    lineage = column_lineage(asset)["dagster/column_lineage"].deps_by_column
    assert set(lineage) == set(SCHEMAS[asset].names)
    for origins in lineage.values():
        assert {dep.asset_key.to_user_string() for dep in origins} == {UPSTREAM[asset]}
        assert {dep.column_name for dep in origins} <= set(SCHEMAS[UPSTREAM[asset]].names)


def test_a_published_vector_leads_back_to_the_text_of_the_article():
    asset, columns = HUB_DATASET, {"embedding"}
    while asset != RAW_WIKIPEDIA:
        columns = {origin for column in columns for origin in COLUMNS[asset][column]}
        asset = UPSTREAM[asset]
    assert columns == {"text", "title"}


def test_a_description_says_what_a_column_is_made_from():
    assert described("embeddings", "embedding", "The vector.") == (
        "The vector. From chunked_volume.tokens."
    )
    assert described("chunks", "tokens", None) == "From raw_wikipedia.text and raw_wikipedia.title."
    assert described("raw", "text", "Plain text.") == "Plain text."
