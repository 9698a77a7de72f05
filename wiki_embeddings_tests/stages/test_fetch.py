from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import SOURCE_ARTICLES, OpenedPart
from wiki_embeddings.stages.fetch import regroup, write_part
from wiki_embeddings.stages.shard_boundaries import beyond_the_edge, boundaries, ranks_of
from wiki_embeddings.stages.statistics import text_checksum
from wiki_embeddings_tests.support.raw_articles import raw_articles


def batch(ids: list[int], texts: list[str]) -> pa.RecordBatch:
    return raw_articles(ids, [str(i) for i in ids], texts)


@given(st.lists(st.lists(st.integers(1, 9), max_size=9), max_size=9), st.integers(1, 12))
@settings(max_examples=50)
def test_shards_end_where_page_ids_say_however_the_articles_arrive(gaps, articles_per_shard):
    ids = np.cumsum([gap for steps in gaps for gap in steps], dtype=int).tolist()
    ends = np.cumsum([len(steps) for steps in gaps], dtype=int).tolist()
    pieces = [ids[begin:end] for begin, end in pairwise([0, *ends])]
    tables = list(
        regroup((batch(piece, [f"é{i}" for i in piece]) for piece in pieces), articles_per_shard)
    )
    radius = articles_per_shard // 2
    edge = beyond_the_edge(radius)
    ranks = np.concatenate([edge, ranks_of(ids), edge])
    lasts = [*(ids[last] for last in boundaries(ranks, radius)), ids[-1]] if ids else []
    assert [table.column("id")[-1].as_py() for table in tables] == sorted(set(lasts))
    assert [i for table in tables for i in table.column("id").to_pylist()] == ids
    texts = [text for table in tables for text in table.column("text").to_pylist()]
    assert texts == [f"é{i}" for i in ids]


def test_an_edit_moves_no_row_to_another_shard():
    ids = list(range(1, 200))
    one, other = (
        list(regroup([batch(ids, [text * (i % 7) for i in ids])], 10)) for text in ("a", "b" * 999)
    )
    assert len(one) > 10
    assert [table.column("id") for table in one] == [table.column("id") for table in other]


def test_regrouping_holds_one_shard_and_what_it_must_look_ahead():
    read = 0

    def batches():
        nonlocal read
        for first in range(1, 10_000, 10):
            read += 10
            yield batch(list(range(first, first + 10)), ["text"] * 10)

    for table in regroup(batches(), 100):
        assert read - table.column("id")[-1].as_py() <= 50 + 10


def test_a_part_counts_articles_characters_and_bytes(tmp_path):
    batches = [batch([1, 5], ["né", ""]), batch([7], ["中文🙂"])]
    revisions = [(i, f"https://xx.wikipedia.org/wiki/{i}", str(i), None, None) for i in (1, 5, 7)]
    opened = OpenedPart(iter(batches), lambda: {SOURCE_ARTICLES: 3})
    stats = write_part(opened, tmp_path / "part", articles_per_shard=4)
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
        assert parquet.metadata.num_row_groups == 1, "three articles are one shard"
        assert parquet.metadata.row_group(0).num_rows == 3


@pytest.mark.parametrize("ids", [[1, 1], [2, 1]])
def test_ids_that_repeat_or_go_back_are_refused(tmp_path, ids):
    batches = iter([batch([ids[0]], ["a"]), batch([ids[1]], ["b"])])
    with pytest.raises(BadInputError, match="duplicated or out of order"):
        write_part(OpenedPart(batches, dict), tmp_path / "part", articles_per_shard=1)
