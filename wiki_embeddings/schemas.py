"""The columns of the stages' tables: their types, and what they mean to a reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ROW_GROUP_ROWS = 10_000
"""About 20 MB of embeddings: what a streaming reader holds in memory."""

VECTOR_ITEMS = "embedding.list.element"
"""Parquet's path of the numbers in the vectors."""

DICTIONARY_COLUMNS = ["url", "title", "section"]
"""The only columns with repeated values; a dictionary would not shrink the others."""

DESCRIPTIONS = {
    "chunk_id": "Page id and chunk index: unique in the dataset.",
    "id": "Page id of the article in its Wikipedia.",
    "url": "Address of the article.",
    "title": "Title of the article.",
    "revision_id": "Id of the revision that the text comes from; null if the source does not tell.",
    "timestamp": "Time at which that revision was saved; null if the source does not tell.",
    "headings": "Where each heading begins in the text, in Unicode code points, and its level, 1 "
    "to 6; a heading is a line of its own. Null if the source does not tell.",
    "section": 'Headings that the chunk stands under, as in "History / Early years"; empty for an '
    "article's lead, and if the source does not tell where headings are.",
    "chunk_index": "Index of the chunk in its article, from 0.",
    "start": "Offset of the chunk in the article's text, in Unicode code points.",
    "text": "Plain text; an article's chunks joined together are its whole text.",
    "tokens": "Token ids for the encoder, the title's included if it is put in front; without "
    "special tokens and the model's own prefix.",
    "n_tokens": "Number of token ids, without special tokens and the model's own prefix.",
    "hash": "BLAKE2b (128 bits) of what the encoder sees: model, revision, weights, tokenizer, "
    "pooling, passage prefix and the chunk's token ids. Equal hashes mean equal vectors, up to "
    "rounding in the last digit.",
    "embedding": "The vector, of unit length.",
}
"""What each column means, for the catalogue and the dataset card."""


def _required(name: str, type_: pa.DataType) -> pa.Field:
    return pa.field(name, type_, nullable=False)


_IDENTITY = (
    _required("id", pa.int64()),
    _required("url", pa.string()),
    _required("title", pa.string()),
)

_REVISION = (
    pa.field("revision_id", pa.int64()),
    pa.field("timestamp", pa.timestamp("ms", tz="UTC")),  # Parquet has no type for seconds
)
"""Of the article's text; null where the source does not tell."""

REVISION_COLUMNS = [field.name for field in (*_IDENTITY, *_REVISION)]
"""The columns of an article that all of its chunks share."""

HEADINGS = pa.list_(
    _required("item", pa.struct([_required("start", pa.int32()), _required("level", pa.int8())]))
)
"""Type of the headings of an article, in the order of its text."""

RAW_SCHEMA = pa.schema(
    [
        *_IDENTITY,
        _required("text", pa.large_string()),
        *_REVISION,
        pa.field("headings", HEADINGS),
    ]
)
"""One row an article: page id, address, title, plain text, revision, and where headings are."""


def chunk_schema(vocabulary: int) -> pa.Schema:
    """Return the schema of a chunk shard.

    Args:
        vocabulary: Size of the tokenizer's vocabulary; decides the width of token ids.
    """
    token = pa.uint16() if vocabulary <= 2**16 else pa.uint32()
    return pa.schema(
        [
            _required("chunk_id", pa.string()),
            *_IDENTITY,
            *_REVISION,
            _required("section", pa.string()),
            _required("chunk_index", pa.int32()),
            _required("start", pa.int32()),
            _required("text", pa.string()),
            _required("tokens", pa.list_(pa.field("item", token, nullable=False))),
            _required("hash", pa.string()),
        ]
    )


def embedding_schema(dimensions: int) -> pa.Schema:
    """Return the schema of an embedding shard, which is also that of the published files.

    Args:
        dimensions: Numbers in a vector.
    """
    return pa.schema(
        [
            *_IDENTITY,
            *_REVISION,
            _required("section", pa.string()),
            _required("chunk_index", pa.int32()),
            _required("start", pa.int32()),
            _required("text", pa.string()),
            _required("n_tokens", pa.int32()),
            _required("hash", pa.string()),
            # Nullable, because `datasets` declares it so and both must see the same type.
            pa.field("embedding", pa.list_(pa.float16(), dimensions)),
        ]
    )


CHANGES_SCHEMA = pa.schema(
    [
        _required("id", pa.int64()),
        _required("chunk_index", pa.int32()),
        _required("hash", pa.string()),
        pa.field("revision_id", pa.int64()),
        _required("change", pa.string()),
    ]
)
"""One row for a passage that was added, changed or removed since the snapshot published before."""


def vectors_of(table: pa.Table) -> npt.NDArray[np.float32]:
    """Return the vectors of a table of embeddings, float32 of shape `(rows, dimensions)`."""
    return stored_vectors(table).astype(np.float32)


def stored_vectors(table: pa.Table) -> npt.NDArray[np.float16]:
    """Return the stored vectors of a table of embeddings, float16 of shape `(rows, dimensions)`.

    Raises:
        ValueError: A row has no vector.
    """
    column = table.column("embedding")
    if column.null_count:
        raise ValueError(f"{column.null_count} rows have no vector")
    array, width = column.combine_chunks(), column.type.list_size
    numbers = array.values.slice(array.offset * width, len(array) * width)
    # Arrow's `flatten` and `to_numpy` would load its functions and pandas first: half of the time
    # that a search of the sample takes.
    vectors: npt.NDArray[Any] = np.from_dlpack(numbers)
    return vectors.reshape(table.num_rows, width)
