"""The columns of the stages' tables: their types, and what they mean to a reader."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wiki_embeddings.errors import BadInputError

ROW_GROUP_ROWS = 10_000
"""About 20 MB of embeddings: what a reader that streams holds at a time."""

DICTIONARY_COLUMNS = ["url", "title"]
"""The only ones that repeat; a dictionary of vectors or hashes would be as large as they are."""

DESCRIPTIONS = {
    "chunk_id": "Page id and chunk index: unique in the dataset.",
    "id": "Page id of the article in its Wikipedia.",
    "url": "Address of the article.",
    "title": "Title of the article.",
    "chunk_index": "Place of the chunk in its article, from 0.",
    "start": "Where the chunk begins in the article's text, in Unicode code points.",
    "text": "Plain text; the chunks of an article, put together, are its whole text.",
    "tokens": "Token ids as the encoder takes them, the title's too if it is put in front; without "
    "special tokens and the model's own prefix.",
    "n_tokens": "Number of token ids, without special tokens and the model's own prefix.",
    "hash": "BLAKE2b (128 bits) of what the encoder sees: model, revision, weights, tokenizer, "
    "pooling, prefix of passages and the chunk's token ids. Equal hashes have equal vectors, but "
    "for the rounding of their last digit.",
    "embedding": "The vector, of unit length.",
}
"""What each column means, for the catalogue and the dataset card."""


RAW_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("url", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)
"""One row an article: page id, address, title and plain text."""


def chunk_schema(vocabulary: int) -> pa.Schema:
    """Schema of a chunk shard.

    Args:
        vocabulary: Size of the tokenizer's vocabulary; decides how wide token ids are.
    """
    token = pa.uint16() if vocabulary <= 2**16 else pa.uint32()
    return pa.schema(
        [
            _required("chunk_id", pa.string()),
            *_IDENTITY,
            _required("chunk_index", pa.int32()),
            _required("start", pa.int32()),
            _required("text", pa.string()),
            _required("tokens", pa.list_(pa.field("item", token, nullable=False))),
            _required("hash", pa.string()),
        ]
    )


def embedding_schema(dimensions: int) -> pa.Schema:
    """Schema of an embedding shard, which is also what is published.

    Args:
        dimensions: Width of a vector.
    """
    return pa.schema(
        [
            *_IDENTITY,
            _required("chunk_index", pa.int32()),
            _required("start", pa.int32()),
            _required("text", pa.string()),
            _required("n_tokens", pa.int32()),
            _required("hash", pa.string()),
            # Nullable as `datasets` has it, so that both see the same type.
            pa.field("embedding", pa.list_(pa.float16(), dimensions)),
        ]
    )


def _required(name: str, type_: pa.DataType) -> pa.Field:
    return pa.field(name, type_, nullable=False)


_IDENTITY = (
    _required("id", pa.int64()),
    _required("url", pa.string()),
    _required("title", pa.string()),
)


def vectors_of(table: pa.Table) -> npt.NDArray[np.float32]:
    """The vectors of a shard of embeddings, float32 of shape `(rows, dimensions)`."""
    return stored_vectors(table).astype(np.float32)


def stored_vectors(table: pa.Table) -> npt.NDArray[np.float16]:
    """The vectors of a shard of embeddings as they are stored, of shape `(rows, dimensions)`.

    Raises:
        BadInputError: A row has no vector.
    """
    column = table.column("embedding")
    if column.null_count:
        raise BadInputError(f"{column.null_count} rows have no vector: make the file again.")
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors: npt.NDArray[np.float16] = flat.reshape(table.num_rows, column.type.list_size)
    return np.ascontiguousarray(vectors)
