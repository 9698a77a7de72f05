from __future__ import annotations

from itertools import pairwise

import pytest
from tokenizers import Tokenizer

from wiki_embeddings.chunking import ChunkTokenizer, load_tokenizer, segments, wordpiece

SURROGATES = range(0xD800, 0xE000)
EVERY_NTH = 67
"""All 1,112,064 characters have passed once; this share is quick and covers every script."""


def test_the_tokens_of_each_atom_are_those_of_its_text_around_any_character(
    tokenizer_path, backend: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wordpiece, "UNDIVIDED_TOKENS", 0)
    tokenizer = load_tokenizer(tokenizer_path)
    signs = [chr(n) for n in range(0, 0x110000, EVERY_NTH) if n not in SURROGATES]
    signs += [chr(n) for n in range(0x3100)]
    texts = [f"ab{sign}cd.{sign} {sign}中{sign}\u0301x" for sign in signs]
    atoms, tokens = [], []
    for text, tokenized in zip(texts, tokenizer.tokenize(texts), strict=True):
        ends = pairwise([0, *tokenized.char_ends.tolist()])
        atoms += [text[start:end] for start, end in ends]
        starts = pairwise([0, *tokenized.token_ends.tolist()])
        tokens += [tokenized.tokens[first:last].tolist() for first, last in starts]
    assert "".join(atoms) == "".join(texts)
    encodings = backend.encode_batch(atoms, add_special_tokens=False)
    assert tokens == [encoding.ids for encoding in encodings]


def test_a_full_cache_starts_again_and_gives_the_same_tokens(
    tokenizer: ChunkTokenizer, tokenizer_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(segments, "MAX_CACHED_CHARS", 100)
    small_cache = load_tokenizer(tokenizer_path)
    for number in range(20):
        text = " ".join(f"word{number * n}" for n in range(50))
        once, twice = small_cache.tokenize([text]), small_cache.tokenize([text])
        assert once[0].tokens.tolist() == twice[0].tokens.tolist()
        assert once[0].tokens.tolist() == tokenizer.tokenize([text])[0].tokens.tolist()


def test_new_words_in_several_blocks_keep_their_own_tokens(
    tokenizer_path, backend: Tokenizer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wordpiece, "BLOCK_SEGMENTS", 3)
    text = "\u200b one two  three \0 four five " + "six," * 20 + " seven eight nine"
    tokens = load_tokenizer(tokenizer_path).tokenize([text])[0].tokens.tolist()
    assert tokens == backend.encode(text, add_special_tokens=False).ids
