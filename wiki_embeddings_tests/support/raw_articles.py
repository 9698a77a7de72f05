"""Articles as `raw_wikipedia` has them, for tests that care about few of the columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wiki_embeddings.schemas import RAW_SCHEMA


def raw_articles(
    ids: Sequence[int],
    titles: Sequence[str],
    texts: Sequence[str],
    headings: Sequence[object] | None = None,
) -> pa.RecordBatch:
    """Rows of `RAW_SCHEMA` from a source that tells no revisions, and headings only if given."""
    nothing = [None] * len(ids)
    columns = {
        "id": ids,
        "url": [f"https://xx.wikipedia.org/wiki/{page_id}" for page_id in ids],
        "title": titles,
        "text": texts,
        "revision_id": nothing,
        "timestamp": nothing,
        "headings": headings or nothing,
    }
    return pa.record_batch(columns, schema=RAW_SCHEMA)
