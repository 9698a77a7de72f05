"""Articles in the layout of `wikimedia/wikipedia`, and the rows expected of them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings_tests.support.raw_articles import raw_articles


def articles(ids: Sequence[object]) -> pa.Table:
    """Make articles in the dataset's layout: all columns are strings."""
    names = [str(page_id) for page_id in ids]
    columns = {
        "id": [None if page_id is None else str(page_id) for page_id in ids],
        "url": [f"https://xx.wikipedia.org/wiki/{name}" for name in names],
        "title": [f"Title {name}" for name in names],
        "text": [f"Text of {name}. " + "ä" * (len(name) % 7) for name in names],
    }
    return pa.table(columns, pa.schema([(name, pa.string()) for name in columns]))


def parquet(table: pa.Table, row_group_size: int = 100) -> bytes:
    target = BytesIO()
    pq.write_table(table, target, row_group_size=row_group_size)
    return target.getvalue()


def expected(ids: Sequence[int]) -> pa.Table:
    table = articles(ids)
    titles, texts = table.column("title").to_pylist(), table.column("text").to_pylist()
    return pa.Table.from_batches([raw_articles(ids, titles, texts)])
