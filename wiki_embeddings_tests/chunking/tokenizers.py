"""Tokenizers to compare with, and what must hold of every batch of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from string import ascii_letters

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from wiki_embeddings.chunking import Chunks, ChunkSettings


def plain(path: Path) -> Tokenizer:
    """Loads a tokenizer without truncation and padding."""
    backend = Tokenizer.from_file(str(path))
    backend.no_truncation()
    backend.no_padding()
    return backend


def cased_tokenizer() -> Tokenizer:
    """Makes a small WordPiece tokenizer that keeps case and accents."""
    letters = [*ascii_letters, *"0123456789éÉñüßйЖא中国한글́", *".,!?-'\"()[]。"]
    pieces = ["[UNK]", "[CLS]", "[SEP]", "The", "the", "##ing", "##ed", "history", "Café"]
    vocab = {piece: number for number, piece in enumerate([*pieces, *letters])}
    vocab |= {f"##{letter}": len(vocab) + n for n, letter in enumerate(letters)}
    backend = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=40))
    backend.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    backend.add_special_tokens(["[CLS]", "[SEP]"])
    return backend


def texts_of(chunks: Chunks, article: int) -> list[str]:
    """Returns the texts of an article's chunks."""
    return [chunks.text[chunk] for chunk in np.flatnonzero(chunks.article == article)]


def tokens_of(chunks: Chunks) -> list[list[int]]:
    """Returns the token ids of each chunk."""
    ends = pairwise(chunks.token_offsets.tolist())
    return [chunks.tokens[begin:end].tolist() for begin, end in ends]


def assert_lossless(chunks: Chunks, texts: Sequence[str]) -> None:
    """Every article has chunks; put together they are its text, and begin where they say."""
    assert np.unique(chunks.article).tolist() == list(range(len(texts)))
    assert (np.diff(chunks.article) >= 0).all()
    for article, text in enumerate(texts):
        rows = chunks.article == article
        parts = texts_of(chunks, article)
        assert "".join(parts) == text
        lengths = np.array([len(part) for part in parts])
        assert (chunks.start[rows] == np.cumsum(lengths) - lengths).all()
        assert (chunks.chunk_index[rows] == np.arange(len(parts))).all()


def assert_within_budget(chunks: Chunks, settings: ChunkSettings, special_tokens: int) -> None:
    """Counts as the model does: special tokens, passage prefix and all stored tokens."""
    reserved = special_tokens + settings.passage_prefix_tokens
    assert (np.diff(chunks.token_offsets) + reserved <= settings.token_budget).all()


def assert_tokens_of_texts(chunks: Chunks, backend: Tokenizer) -> None:
    """Each chunk's tokens are those of its text on its own."""
    encodings = backend.encode_batch(chunks.text, add_special_tokens=False)
    assert tokens_of(chunks) == [encoding.ids for encoding in encodings]
