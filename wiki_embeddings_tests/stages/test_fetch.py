from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import OpenedPart
from wiki_embeddings.stages.fetch import regroup, write_part
from wiki_embeddings.stages.statistics import text_checksum
from wiki_embeddings_tests.support.raw_articles import raw_articles


def batch(ids: list[int], texts: list[str]) -> pa.RecordBatch:
    return raw_articles(ids, [str(i) for i in ids], texts)


@given(
    st.lists(st.lists(st.text(st.sampled_from("aé中🙂"), max_size=12), max_size=6), max_size=6),
    st.integers(1, 40),
)
def test_regrouping_keeps_all_rows_in_order_and_makes_tables_as_small_as_allowed(lists, limit):
    texts = [text for part in lists for text in part]
    ids = iter(range(len(texts)))
    batches = [batch([next(ids) for _ in part], part) for part in lists]
    tables = list(regroup(batches, limit))
    assert [t for table in tables for t in table.column("text").to_pylist()] == texts
    assert [i for table in tables for i in table.column("id").to_pylist()] == list(
        range(len(texts))
    )
    sizes = [[len(text.encode()) for text in t.column("text").to_pylist()] for t in tables]
    assert all(sum(size) >= limit for size in sizes[:-1])
    assert all(sum(size[:-1]) < limit for size in sizes)
    assert all(sizes)


def test_a_part_counts_articles_characters_and_bytes(tmp_path):
    batches = [batch([1, 5], ["né", ""]), batch([7], ["中文🙂"])]
    revisions = [(i, f"https://xx.wikipedia.org/wiki/{i}", str(i), None, None) for i in (1, 5, 7)]
    stats = write_part(OpenedPart(3, iter(batches)), tmp_path / "part", shard_bytes=4)
    assert stats == {
        "source_articles": 3,
        "articles": 3,
        "empty_articles": 1,
        "characters": 5,
        "text_bytes": 13,
        "text_checksum": text_checksum(revisions, ["né", "", "中文🙂"]),
    }
    with pq.ParquetFile(tmp_path / "part") as parquet:
        assert parquet.schema_arrow == RAW_SCHEMA
        assert parquet.metadata.num_row_groups == 1, "the first two rows have less than 4 bytes"
        assert parquet.metadata.row_group(0).num_rows == 3


@pytest.mark.parametrize("ids", [[1, 1], [2, 1]])
def test_ids_that_repeat_or_go_back_are_refused(tmp_path, ids):
    batches = iter([batch([ids[0]], ["a"]), batch([ids[1]], ["b"])])
    with pytest.raises(BadInputError, match="duplicated or out of order"):
        write_part(OpenedPart(2, batches), tmp_path / "part", shard_bytes=1)
