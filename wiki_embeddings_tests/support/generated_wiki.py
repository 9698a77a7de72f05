"""A small generated Wikipedia, and a Hub that has it."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from wiki_embeddings.sources.hub import REVISION
from wiki_embeddings.sources.protocol import WIKIMEDIA_WIKIPEDIA
from wiki_embeddings_tests.standins.hub import LocalHub

WIKI = "simple"

_SENTENCE = "The river {} flows past {} bridges into the sea, which is {} miles wide. "


def wikipedia(ids: Sequence[int]) -> pa.Table:
    """Articles in the schema of `wikimedia/wikipedia`, with 0 to 4 paragraphs, no two alike.

    Every fifth article is empty: the one with page id 0, 5, 10, and so on.
    """
    columns = {
        "id": [str(i) for i in ids],
        "url": [f"https://{WIKI}.wikipedia.org/wiki/River%20{i}" for i in ids],
        "title": [f"River {i}" for i in ids],
        "text": [
            "\n\n".join([_SENTENCE.format(i, n, i * n) * 5 for n in range(i % 5)]) for i in ids
        ],
    }
    return pa.table(columns, pa.schema([(name, pa.string()) for name in columns]))


def serve(hub: LocalHub, *parts: bytes) -> None:
    """Add an edition of `wikimedia/wikipedia` to a Hub, in these Parquet files."""
    files = {
        f"20231101.{WIKI}/train-{n:05d}-of-{len(parts):05d}.parquet": part
        for n, part in enumerate(parts)
    }
    hub.add(WIKIMEDIA_WIKIPEDIA, files, commit=REVISION)
