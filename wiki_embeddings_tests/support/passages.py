"""A small published dataset of real sentences, embedded by the model of a test."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from wiki_embeddings.encoders import Encoder
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings_tests.sources.article_tables import parquet

PASSAGES = {
    "Achilles": "Hector fell at Troy by the spear of Achilles, who mourned his friend Patroclus.",
    "Albedo": "Fresh snow reflects up to nine tenths of the sunlight that falls on it.",
    "Anarchism": "Anarchists hold that the state is not needed, and that people govern themselves.",
    "Agriculture": "Wheat, rice and maize feed most of the people who live today.",
    "Algae": "Most algae live in water and make sugar of light as plants do.",
    "Alchemy": "Alchemists sought a stone that would turn lead into gold.",
}
"""Text by title. The first four are the config `small`, all are in two files of `default`."""

SMALL_ROWS = 4


def question_about(title: str) -> str:
    """A question whose vector is nearest to a passage: the passage itself."""
    return PASSAGES[title]


def dataset_files(encoder: Encoder, **card: Any) -> dict[str, bytes]:
    """Content of a dataset in Hub layout, by path.

    Args:
        encoder: Makes the vectors.
        **card: Fields of the card, over those of the encoder; None leaves one out.
    """
    rows = _rows(encoder)
    half = len(PASSAGES) // 2
    return {
        "README.md": card_of(encoder, **card),
        "data/train-00000-of-00002.parquet": parquet(rows[:half]),
        "data/train-00001-of-00002.parquet": parquet(rows[half:]),
        "small/train-00000-of-00001.parquet": parquet(rows[:SMALL_ROWS]),
    }


def card_of(encoder: Encoder, **card: Any) -> bytes:
    """A card that describes the model, with changed fields; None leaves one out."""
    info = encoder.info
    fields = {
        "model": info.model,
        "revision": info.revision,
        "pooling": info.pooling,
        "query_prefix": info.query_prefix,
        **card,
    }
    kept = {key: value for key, value in fields.items() if value is not None}
    return f"---\n{yaml.safe_dump({'wiki_embeddings': kept})}---\n# A dataset\n".encode()


def _rows(encoder: Encoder) -> pa.Table:
    texts = list(PASSAGES.values())
    numbers = range(len(texts))
    columns = {
        "id": list(numbers),
        "url": [f"https://simple.wikipedia.org/wiki/{title}" for title in PASSAGES],
        "title": list(PASSAGES),
        "revision_id": [None] * len(texts),
        "timestamp": [None] * len(texts),
        "section": [""] * len(texts),
        "chunk_index": [0] * len(texts),
        "start": [0] * len(texts),
        "text": texts,
        "n_tokens": [len(text.split()) for text in texts],
        "hash": [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in texts],
        "embedding": list(encoder.encode_texts(texts).astype(np.float16)),
    }
    return pa.table(columns, schema=embedding_schema(encoder.info.dimensions))
