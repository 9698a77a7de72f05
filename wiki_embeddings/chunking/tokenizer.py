"""Loads a model's tokenizer, and refuses those whose texts cannot be cut without harm.

The tokens of a chunk must be those of its text alone. BERT's tokenizers (`wordpiece`) and XLM-R's
(`unigram`) have places in a text where nothing changes when it is cut there. Others, such as
byte-level BPE, split differently in each model, and none of the encoders that we run has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from wiki_embeddings.chunking import unigram, wordpiece
from wiki_embeddings.chunking.segments import Runs, RunTable, TokenIds, TokenizedText, TokenType
from wiki_embeddings.errors import BadInputError


class ChunkTokenizer:
    """A tokenizer that remembers the words it has seen.

    One for each process, kept from batch to batch: what it remembers (at most some 100 MB) makes
    the next batch faster and never changes a result.

    Attributes:
        special_tokens: Number of tokens that the model wants around a text, as [CLS] and [SEP].
        longest_word: Most tokens of a word that is never cut, hence the smallest budget.
        token_dtype: uint16 where the vocabulary allows, else uint32.
    """

    def __init__(self, backend: Tokenizer, runs: Runs, longest_word: int) -> None:
        """Wraps a tokenizer that `load_tokenizer` has checked.

        Args:
            backend: The tokenizer, with truncation and padding off.
            runs: How it is used run by run.
            longest_word: Most tokens of a word that is never cut.
        """
        small = max(backend.get_vocab().values()) <= np.iinfo(np.uint16).max
        self.token_dtype: TokenType = np.dtype(np.uint16) if small else np.dtype(np.uint32)
        self.special_tokens: int = backend.num_special_tokens_to_add(False)
        self.longest_word = longest_word
        self._backend = backend
        self._table = RunTable(runs, self.token_dtype)

    def tokenize(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenises texts, without special tokens.

        Args:
            texts: Texts without lone surrogates.
        """
        return self._table.tokenize(texts)

    def tokenize_alone(self, text: str) -> TokenIds:
        """Tokenises a part of a text that was cut out where a cut changes tokens."""
        return np.array(unigram.tokenize_alone(self._backend, text), self.token_dtype)


def load_tokenizer(path: Path) -> ChunkTokenizer:
    """Loads a `tokenizer.json` and switches off truncation and padding, which many have on.

    Args:
        path: The file.

    Raises:
        BadInputError: The file is missing or damaged, or is no tokenizer of BERT's or XLM-R's kind.
    """
    try:
        backend = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more particular
        raise BadInputError(f"The tokenizer {path} cannot be read: {error}.") from error
    backend.no_truncation()
    backend.no_padding()
    if wordpiece.is_bert(backend):
        rules = wordpiece.read_rules(backend, path)
        return ChunkTokenizer(backend, wordpiece.wordpiece_runs(backend, rules), rules.longest_word)
    if unigram.is_unigram(backend):
        unigram.check_unigram(backend, path)
        return ChunkTokenizer(backend, unigram.unigram_runs(backend), unigram.LONGEST_WORD)
    parts = (backend.normalizer, backend.pre_tokenizer, backend.model)
    raise BadInputError(
        f"The tokenizer {path} is made of {', '.join(type(part).__name__ for part in parts)}; only "
        "BertNormalizer, BertPreTokenizer, WordPiece (BERT) or Precompiled, Metaspace, Unigram "
        "(XLM-R) can be chunked. Choose a model of one of these families."
    )
