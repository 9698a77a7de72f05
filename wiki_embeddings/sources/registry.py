"""The table of sources, and the only place that chooses one. Light to import.

A new source is a module that ends with its `SOURCE`, and a row here.
"""

from __future__ import annotations

from typing import Any

from wiki_embeddings.sources import dump, hub, sample
from wiki_embeddings.sources.protocol import ArticleSelection, Part, Source

SOURCES: tuple[Source[Any], ...] = (sample.SOURCE, hub.SOURCE, dump.SOURCE)
"""The first that serves a selection is used; the dumps, which are last, serve every wiki."""


def source_for(selection: ArticleSelection) -> Source[Any]:
    """Return the source of the articles that a run asks for."""
    return next(source for source in SOURCES if source.serves(selection))


def source_for_part(part: Part) -> Source[Any]:
    """Return the source that planned a part."""
    return next(source for source in SOURCES if isinstance(part, source.part_type))
