"""Loads a model's tokenizer, and refuses those whose texts cannot be cut without changing tokens.

The tokens of a chunk must be those of its text alone. BERT's tokenizers (`wordpiece`) and XLM-R's
(`unigram`) have places in a text where a cut changes nothing. Others, such as byte-level BPE, split
differently in each model, and none of the encoders that we run has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from wiki_embeddings.chunking import unigram, wordpiece
from wiki_embeddings.chunking.segments import (
    SegmentCache,
    Segmenter,
    TokenIds,
    TokenizedText,
    TokenType,
)
from wiki_embeddings.errors import BadInputError


class ChunkTokenizer:
    """A tokenizer that remembers the words it has seen.

    Make one in each process and keep it from batch to batch: its cache (at most about 100 MB) makes
    the next batch faster and never changes a result.

    Attributes:
        special_tokens: Number of tokens that the model wants around a text, such as [CLS] and
            [SEP].
        longest_word: Most tokens of a word that is never cut, hence the smallest budget.
        token_dtype: uint16 if the vocabulary allows it, otherwise uint32.
    """

    def __init__(self, backend: Tokenizer, segmenter: Segmenter, longest_word: int) -> None:
        """Wrap a tokenizer that `load_tokenizer` has checked.

        Args:
            backend: The tokenizer, with truncation and padding off.
            segmenter: Uses it segment by segment.
            longest_word: Most tokens of a word that is never cut.
        """
        small = max(backend.get_vocab().values()) <= np.iinfo(np.uint16).max
        self.token_dtype: TokenType = np.dtype(np.uint16) if small else np.dtype(np.uint32)
        self.special_tokens: int = backend.num_special_tokens_to_add(False)
        self.longest_word = longest_word
        self._backend = backend
        self._cache = SegmentCache(segmenter, self.token_dtype)

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenise texts without lone surrogates; adds no special tokens."""
        return self._cache.tokenize(texts)

    def tokenize_alone(self, text: str) -> TokenIds:
        """Tokenise a part of a text that was cut out inside a word."""
        return np.array(unigram.tokenize_alone(self._backend, text), self.token_dtype)


def load_tokenizer(path: Path) -> ChunkTokenizer:
    """Load a `tokenizer.json`; see `parse_tokenizer`.

    Raises:
        BadInputError: As there, or the file is missing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"The tokenizer {path} cannot be read: {error}.") from error
    return parse_tokenizer(content, path)


def parse_tokenizer(content: bytes, path: Path) -> ChunkTokenizer:
    """Load a tokenizer and switch off truncation and padding, which many have on.

    Args:
        content: The tokenizer, in the `tokenizers` library's format.
        path: Its file, for errors.

    Raises:
        BadInputError: It is damaged, or is not a tokenizer like BERT's or XLM-R's.
    """
    try:
        backend = Tokenizer.from_buffer(content)
    except Exception as error:  # the library raises nothing more specific
        raise BadInputError(f"The tokenizer {path} cannot be read: {error}.") from error
    backend.no_truncation()
    backend.no_padding()
    if wordpiece.is_bert(backend):
        rules = wordpiece.read_rules(backend, path)
        return ChunkTokenizer(backend, wordpiece.make_segmenter(backend, rules), rules.longest_word)
    if unigram.is_unigram(backend):
        unigram.check_unigram(backend, path)
        return ChunkTokenizer(backend, unigram.make_segmenter(backend), unigram.LONGEST_WORD)
    parts = (backend.normalizer, backend.pre_tokenizer, backend.model)
    raise BadInputError(
        f"The tokenizer {path} is made of {', '.join(type(part).__name__ for part in parts)}; only "
        "BertNormalizer, BertPreTokenizer, WordPiece (BERT) or Precompiled, Metaspace, Unigram "
        "(XLM-R) can be chunked. Choose a model of one of these families."
    )
