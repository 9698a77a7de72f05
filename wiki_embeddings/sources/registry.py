"""The table of sources, and the only place that chooses one. Light to import.

A new source is a module that ends with its `SOURCE`, and a row here.
"""

from __future__ import annotations

from typing import Any

from wiki_embeddings.sources import hub, sample
from wiki_embeddings.sources.protocol import Part, Source

SOURCES: tuple[Source[Any], ...] = (sample.SOURCE, hub.SOURCE)
"""The first that serves a wiki is used; the Hub, which is last, serves every wiki."""


def source_for_wiki(wiki: str, snapshot: str) -> Source[Any]:
    """Return the source of a wiki's articles.

    Args:
        wiki: `sample`, or the language code of a Wikipedia.
        snapshot: Date of the edition.
    """
    return next(source for source in SOURCES if source.serves(wiki, snapshot))


def source_for_part(part: Part) -> Source[Any]:
    """Return the source that planned a part."""
    return next(source for source in SOURCES if isinstance(part, source.part_type))
