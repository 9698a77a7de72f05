"""From which columns each column is made, asset by asset, back to the article.

Dagster keeps it as an asset's metadata, for its API and for Dagster+. The UI of its open-source
release does not draw it, so each column's description says it, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg

from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA

_ARTICLE = ("id", "url", "title", "revision_id", "timestamp")
_PASSAGE = ("section", "chunk_index", "start", "text", "hash")


def _copied(*columns: str) -> dict[str, tuple[str, ...]]:
    return {column: (column,) for column in columns}


UPSTREAM: Mapping[str, str] = {
    CHUNKED_VOLUME: RAW_WIKIPEDIA,
    EMBEDDINGS: CHUNKED_VOLUME,
    HUB_DATASET: EMBEDDINGS,
}
"""The asset that an asset's columns are made from; by keys."""

COLUMNS: Mapping[str, Mapping[str, Sequence[str]]] = {
    CHUNKED_VOLUME: {
        **_copied(*_ARTICLE),
        "chunk_id": ("id", "text"),
        "section": ("text", "headings"),
        "chunk_index": ("text",),
        "start": ("text",),
        "text": ("text",),
        "tokens": ("text", "title"),
        "hash": ("text", "title"),
    },
    EMBEDDINGS: {
        **_copied(*_ARTICLE, *_PASSAGE),
        "n_tokens": ("tokens",),
        "embedding": ("tokens",),
    },
    HUB_DATASET: _copied(*_ARTICLE, *_PASSAGE, "n_tokens", "embedding"),
}
"""The columns of the upstream asset that each column is made from, by the asset's key."""

_ASSETS = {"chunks": CHUNKED_VOLUME, "embeddings": EMBEDDINGS, "hub": HUB_DATASET}
"""The asset that records the output of a stage."""


def column_lineage(asset: str) -> dict[str, dg.TableColumnLineage]:
    """Return an asset's metadata that tells from what its columns are made."""
    upstream = dg.AssetKey(UPSTREAM[asset])
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(upstream, name) for name in origins]
                for column, origins in COLUMNS[asset].items()
            }
        )
    }


def described(stage: str, column: str, description: str | None) -> str | None:
    """Return a column's description with what the column is made from, for people.

    Args:
        stage: The stage that made the table.
        column: Name of the column.
        description: What the column holds; None if nobody wrote it.
    """
    asset = _ASSETS.get(stage)
    origins = COLUMNS[asset].get(column) if asset else None
    if asset is None or not origins:
        return description
    named = " and ".join(f"{UPSTREAM[asset]}.{name}" for name in origins)
    return f"{description or ''} From {named}.".lstrip()
