"""Tokenizers to compare with, and assertions about every batch of chunks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from string import ascii_letters

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from wiki_embeddings.chunking import Chunks, ChunkSettings


def plain(path: Path) -> Tokenizer:
    """Load a tokenizer without truncation and padding."""
    backend = Tokenizer.from_file(str(path))
    backend.no_truncation()
    backend.no_padding()
    return backend


def cased_tokenizer() -> Tokenizer:
    """Make a small WordPiece tokenizer that keeps case and accents."""
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


def split_tokens(chunks: Chunks) -> list[list[int]]:
    """Return the token ids of each chunk."""
    ends = pairwise(chunks.token_offsets.tolist())
    return [chunks.tokens[begin:end].tolist() for begin, end in ends]


def assert_lossless(chunks: Chunks, texts: Sequence[str]) -> None:
    """Every article has chunks; joined they are its text, and their starts are right."""
    assert np.unique(chunks.article).tolist() == list(range(len(texts)))
    assert (np.diff(chunks.article) >= 0).all()
    for article, text in enumerate(texts):
        rows = chunks.article == article
        parts = [chunks.text[chunk] for chunk in np.flatnonzero(rows)]
        assert "".join(parts) == text
        lengths = np.array([len(part) for part in parts])
        assert (chunks.start[rows] == np.cumsum(lengths) - lengths).all()
        assert (chunks.chunk_index[rows] == np.arange(len(parts))).all()


def assert_within_budget(chunks: Chunks, settings: ChunkSettings, special_tokens: int) -> None:
    """Special tokens, passage prefix and stored tokens are within what the model reads."""
    reserved = special_tokens + settings.passage_prefix_tokens
    assert (np.diff(chunks.token_offsets) + reserved <= settings.token_budget).all()


def assert_tokens_of_texts(chunks: Chunks, backend: Tokenizer) -> None:
    """Each chunk's tokens are those of its text alone."""
    encodings = backend.encode_batch(chunks.text, add_special_tokens=False)
    assert split_tokens(chunks) == [encoding.ids for encoding in encodings]
