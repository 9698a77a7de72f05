"""Cuts tables of articles into tables of chunks, with a model's tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wiki_embeddings.chunking import (
    Chunks,
    ChunkSettings,
    ChunkTokenizer,
    check_settings,
    chunk_articles,
    parse_tokenizer,
    section_paths,
)
from wiki_embeddings.encoders.models.resolve import ResolvedModel, resolve
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import REVISION_COLUMNS, chunk_schema
from wiki_embeddings.volume import canonical_json

_HASH_BYTES = 16
"""Among 100 million chunks, two different ones share a 128-bit hash with probability 10⁻²³."""


@dataclass(frozen=True)
class ArticleChunker:
    """A model's tokenizer and the settings to cut with; worth keeping from batch to batch.

    Attributes:
        model: The model.
        tokenizer: Its tokenizer.
        settings: Token budget and prefixes.
    """

    model: ResolvedModel
    tokenizer: ChunkTokenizer
    settings: ChunkSettings

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the chunks."""
        return chunk_schema(self.model.vocab_size)

    @property
    def added_tokens(self) -> int:
        """Tokens that the encoder adds to each chunk: special tokens and the passage prefix."""
        return self.tokenizer.special_tokens + self.settings.passage_prefix_tokens

    def chunk(self, articles: pa.Table) -> pa.RecordBatch:
        """Cut articles into chunks.

        Args:
            articles: Rows of `RAW_SCHEMA`.

        Returns:
            Rows of `schema`; the chunks of each article are consecutive.

        Raises:
            BadInputError: An article is not valid Unicode.
        """
        titles, texts = (articles.column(name).to_pylist() for name in ("title", "text"))
        chunks = chunk_articles(self.tokenizer, titles, texts, self.settings)
        sections = _sections(texts, articles.column("headings").to_pylist(), chunks)
        return self._table(articles, chunks, sections)

    def _table(self, articles: pa.Table, chunks: Chunks, sections: list[str]) -> pa.RecordBatch:
        identity = articles.select(REVISION_COLUMNS).take(pa.array(chunks.article))
        ids = identity.column("id").to_pylist()
        columns = {
            "chunk_id": [f"{i}-{n}" for i, n in zip(ids, chunks.chunk_index, strict=True)],
            **{name: identity.column(name).combine_chunks() for name in identity.column_names},
            "section": sections,
            "chunk_index": chunks.chunk_index,
            "start": chunks.start.astype(np.int32),
            "text": chunks.text,
            "tokens": pa.ListArray.from_arrays(
                chunks.token_offsets.astype(np.int32),
                chunks.tokens.astype(self.schema.field("tokens").type.value_type.to_pandas_dtype()),
                type=self.schema.field("tokens").type,
            ),
            "hash": self._hashes(chunks),
        }
        arrays = [
            pa.array(columns[field.name], type=field.type)
            if not isinstance(columns[field.name], pa.Array)
            else columns[field.name]
            for field in self.schema
        ]
        return pa.record_batch(arrays, schema=self.schema)

    def _hashes(self, chunks: Chunks) -> list[str]:
        """Hash what the encoder sees of each chunk: the model, its prefix and the token ids.

        Budget, title and text count only through the token ids, so equal hashes mean equal vectors,
        up to rounding, which depends on the other sequences in the batch.
        """
        encoder = {
            "model": self.model.identity,
            "revision": self.model.revision,
            "weights_sha256": self.model.weights_sha256,
            "tokenizer_sha256": self.model.tokenizer_sha256,
            "pooling": self.model.pooling,
            "passage_prefix": self.model.passage_prefix,
        }
        common = hashlib.blake2b(canonical_json(encoder), digest_size=_HASH_BYTES)
        # One width and byte order on every machine and for every vocabulary.
        ids = chunks.tokens.astype("<u4")
        hashes = []
        for begin, end in pairwise(chunks.token_offsets.tolist()):
            chunk_hash = common.copy()
            chunk_hash.update(ids[begin:end].tobytes())
            hashes.append(chunk_hash.hexdigest())
        return hashes


def _sections(
    texts: Sequence[str], headings: Sequence[list[dict[str, int]] | None], chunks: Chunks
) -> list[str]:
    """Return the section of each chunk; empty if the source does not tell headings."""
    starts = np.split(chunks.start, np.flatnonzero(np.diff(chunks.article)) + 1)
    return [
        section
        for text, known, starts_of_article in zip(texts, headings, starts, strict=True)
        for section in section_paths(
            text,
            [(heading["start"], heading["level"]) for heading in known or ()],
            starts_of_article.tolist(),
        )
    ]


def load_chunker(
    model: str, revision: str | None, token_budget: int, title_prefix: bool
) -> ArticleChunker:
    """Load a model's tokenizer and check the settings against it.

    Raises:
        BadInputError: The model is not supported, or the budget does not fit it.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    resolved = resolve(model, revision, any_architecture=True)
    if token_budget > resolved.max_length:
        raise BadInputError(
            f"A budget of {token_budget} tokens is too large: {resolved.name} reads at most "
            f"{resolved.max_length}. Set token_budget to {resolved.max_length} or less."
        )
    tokenizer = parse_tokenizer(resolved.read_tokenizer(), resolved.folder)
    prefix = tokenizer.tokenize([resolved.passage_prefix])[0].tokens
    settings = ChunkSettings(
        token_budget=token_budget, title_prefix=title_prefix, passage_prefix_tokens=len(prefix)
    )
    check_settings(tokenizer, settings)
    return ArticleChunker(resolved, tokenizer, settings)


def batches(articles: pa.Table, text_bytes: int) -> Iterator[pa.Table]:
    """Slice a table of articles into batches of about `text_bytes` of UTF-8, never empty."""
    lengths = pc.binary_length(articles.column("text")).to_numpy()
    pieces = np.cumsum(lengths, dtype=np.int64) // text_bytes
    edges = [0, *(np.flatnonzero(np.diff(pieces)) + 1).tolist(), articles.num_rows]
    for begin, end in pairwise(edges):
        if end > begin:
            yield articles.slice(begin, end - begin)
