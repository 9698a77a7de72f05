"""Pages of an export become record batches: the conversion of wikitext, and the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from wiki_embeddings.sources.protocol import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from wiki_embeddings.sources.xml_export import Page, SiteInfo


def convert_pages(
    pages: Sequence[Page], site: SiteInfo, progress: Progress = lambda _: None
) -> pa.RecordBatch:
    """Convert articles to plain text, as a batch of `schemas.RAW_SCHEMA`.

    Args:
        pages: The articles.
        site: The wiki that they come from.
        progress: Called after each article.
    """
    import pyarrow as pa

    from wiki_embeddings.schemas import RAW_SCHEMA
    from wiki_embeddings.sources.wikitext.conversion import convert

    converted, hidden = [], site.hidden_namespaces
    for page in pages:
        converted.append(convert(page.wikitext, hidden, site.language, page.title))
        progress(1)
    columns = {
        "id": [page.id for page in pages],
        "url": [page.url for page in pages],
        "title": [page.title for page in pages],
        "text": [article.text for article in converted],
        "revision_id": [page.revision_id for page in pages],
        "timestamp": [datetime.fromisoformat(page.timestamp) for page in pages],
        "headings": [[asdict(heading) for heading in a.headings] for a in converted],
    }
    return pa.record_batch(columns, schema=RAW_SCHEMA)
