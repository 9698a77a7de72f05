from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import merged_stats
from wiki_embeddings.stages.statistics import (
    embedding_statistics,
    require_order,
    row_statistics,
    text_checksum,
    token_histogram,
    vector_statistics,
)
from wiki_embeddings_tests.support.synthetic import rows


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), max_size=5), st.data())
def test_the_checksum_of_chunks_is_that_of_whole_texts_and_of_nothing_else(articles, data):
    ids = [number for number, chunks in enumerate(articles) for _ in chunks]
    chunks = [chunk for chunks in articles for chunk in chunks]
    whole = text_checksum(range(len(articles)), ["".join(chunks) for chunks in articles])
    assert text_checksum(ids, chunks) == whole
    if chunks:
        place = data.draw(st.integers(0, len(chunks) - 1))
        chunks[place] += "x"
        assert text_checksum(ids, chunks) != whole


def test_rows_are_counted_whatever_files_they_lie_in():
    whole = row_statistics(rows(0, 20))
    assert merged_stats([row_statistics(rows(0, 12)), row_statistics(rows(12, 8))]) == whole
    assert whole["articles"] == 10


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [1, 2, 3], [0, 0, 1], [2, 3, 0, 1]])
def test_rows_out_of_order_are_refused(order):
    table = rows(0, 4)
    require_order(table)
    with pytest.raises(WikiEmbeddingsError, match="out of order"):
        require_order(table.take(order))


def test_an_exchanged_vector_changes_the_checksum():
    table = rows(0, 4)
    place = table.schema.get_field_index("embedding")
    exchanged = table.set_column(place, "embedding", table["embedding"].take([1, 0, 2, 3]))
    assert (
        embedding_statistics(table)["row_checksum"]
        != (embedding_statistics(exchanged)["row_checksum"])
    )
    parts = [embedding_statistics(rows(0, 1)), embedding_statistics(rows(1, 3))]
    assert merged_stats(parts)["row_checksum"] == embedding_statistics(table)["row_checksum"]


@pytest.mark.parametrize("column", ["url", "title", "revision_id", "timestamp", "section"])
def test_a_changed_value_changes_the_checksums(column):
    table = rows(0, 4)
    place = table.schema.get_field_index(column)
    exchanged = table.set_column(place, table.schema.field(place), table[column].take([0, 0, 0, 3]))
    before, after = embedding_statistics(table), embedding_statistics(exchanged)
    assert before["chunk_checksum"] != after["chunk_checksum"]
    assert before["row_checksum"] != after["row_checksum"]


def with_vectors(vectors: np.ndarray) -> pa.Table:
    table = rows(0, len(vectors))
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float16).ravel()), 8)
    return table.set_column(table.schema.get_field_index("embedding"), "embedding", column)


def test_vectors_are_measured_as_they_are():
    sound = vector_statistics(rows(0, 10))
    assert (sound["not_finite"], sound["alike_files"]) == (0, 0)
    assert sound["min_norm"] == pytest.approx(1, abs=2e-3)

    broken = np.eye(8)
    broken[3, 3] = np.nan
    broken[4] *= 0.5
    measured = vector_statistics(with_vectors(broken))
    assert measured["not_finite"] == 1
    alike = vector_statistics(with_vectors(np.tile(np.eye(8)[0], (6, 1))))
    assert alike["alike_files"] == 1


def test_lengths_are_binned_and_the_last_bin_takes_the_rest():
    counts = token_histogram(np.array([0, 15, 16, 255, 9999]))
    assert (counts[0], counts[1], counts[15], counts[31]) == (2, 1, 1, 1)
    assert sum(counts) == 5
