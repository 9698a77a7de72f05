"""Loads a model's tokenizer, and refuses those whose texts cannot be cut without harm.

Cutting a text must not change its tokens. That holds for BERT's tokenizers, which normalise
character by character and split at white space and punctuation before they look for pieces of
words. It does not hold for most others (byte-level BPE, SentencePiece).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from wiki_embeddings.chunking.characters import IDEOGRAPHS, SPACE
from wiki_embeddings.chunking.table import Rules, RunTable, TokenizedText, TokenType
from wiki_embeddings.errors import BadInputError


class WordPieceTokenizer:
    """A WordPiece tokenizer that remembers the words it has seen.

    One for each process, kept from batch to batch: what it remembers (at most some 100 MB) makes
    the next batch faster and never changes a result.

    Attributes:
        special_tokens: Number of tokens that the model wants around a text, as [CLS] and [SEP].
        longest_word: Most tokens that one word can have.
        token_dtype: uint16 where the vocabulary allows, else uint32.
    """

    def __init__(self, backend: Tokenizer, rules: Rules) -> None:
        """Wraps a tokenizer that `load_tokenizer` has checked.

        Args:
            backend: The tokenizer, with truncation and padding off.
            rules: What it does.
        """
        small = max(backend.get_vocab().values()) <= np.iinfo(np.uint16).max
        self.token_dtype: TokenType = np.dtype(np.uint16) if small else np.dtype(np.uint32)
        self.special_tokens: int = backend.num_special_tokens_to_add(False)
        self.longest_word = rules.longest_word
        self._table = RunTable(backend, self.token_dtype, rules)

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenises texts, without special tokens.

        Args:
            texts: Texts without lone surrogates.
        """
        return self._table.tokenize(texts)


def load_tokenizer(path: Path) -> WordPieceTokenizer:
    """Loads a `tokenizer.json` and switches off truncation and padding, which many have on.

    Args:
        path: The file.

    Raises:
        BadInputError: The file is missing or damaged, or is no BERT tokenizer.
    """
    try:
        backend = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more particular
        raise BadInputError(f"The tokenizer {path} cannot be read: {error}.") from error
    backend.no_truncation()
    backend.no_padding()
    return WordPieceTokenizer(backend, _read_rules(backend, path))


def _read_rules(backend: Tokenizer, path: Path) -> Rules:
    """Refuses what is not known to give the same tokens for a text and for its chunks."""
    model, normalizer = backend.model, backend.normalizer
    if not (
        isinstance(model, WordPiece)
        and isinstance(normalizer, BertNormalizer)
        and isinstance(backend.pre_tokenizer, BertPreTokenizer)
    ):
        found = [type(part).__name__ for part in (normalizer, backend.pre_tokenizer, model)]
        raise BadInputError(
            f"The tokenizer {path} is made of {', '.join(found)}; only one of BertNormalizer, "
            "BertPreTokenizer, WordPiece can be chunked. Choose a BERT-family model."
        )
    if backend.token_to_id(model.unk_token) is None:
        raise BadInputError(
            f"The vocabulary of the tokenizer {path} lacks its own unknown token "
            f"{model.unk_token!r}, so it fails on unknown words."
        )
    added_tokens = list(backend.get_added_tokens_decoder().values())
    for token in added_tokens:
        _check_added_token(token, path)
    return Rules(
        longest_word=model.max_input_chars_per_word,
        lowercase=normalizer.lowercase,
        split_ideographs=normalizer.handle_chinese_chars,
        added_tokens=tuple(token.content for token in added_tokens),
    )


_CUT_CHARACTERS = re.compile(f"[{SPACE}{IDEOGRAPHS}]")


def _check_added_token(token: AddedToken, path: Path) -> None:
    """Refuses a token that is recognised by what stands around it or could be cut through."""
    if token.single_word or token.rstrip or _CUT_CHARACTERS.search(token.content):
        raise BadInputError(
            f"The tokenizer {path} has the added token {token.content!r}, which takes in white "
            "space, contains ideographs or must stand alone. Choose a model without such tokens."
        )
