"""How to chunk, and whether a tokenizer can chunk so."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.chunking.tokenizer import ChunkTokenizer
from wiki_embeddings.errors import BadInputError


@dataclass(frozen=True)
class ChunkSettings:
    """How to chunk.

    Attributes:
        token_budget: Most tokens that the model reads for one chunk: special tokens, the model's
            passage prefix, the title and the chunk's text together.
        title_prefix: Whether the tokens of the title stand before those of each chunk's text.
        passage_prefix_tokens: Tokens of the prefix that the encoder puts before a passage
            (`"passage: "` and the like).
    """

    token_budget: int = 256
    title_prefix: bool = False
    passage_prefix_tokens: int = 0


def check_settings(tokenizer: ChunkTokenizer, settings: ChunkSettings) -> int:
    """Checks that the budget holds any one word, since words are never split.

    Returns:
        Tokens that the budget leaves for title and text.

    Raises:
        BadInputError: The budget is too small, or the number of prefix tokens is negative.
    """
    if settings.passage_prefix_tokens < 0:
        raise BadInputError(
            f"{settings.passage_prefix_tokens} passage prefix tokens make no sense: "
            "give their number, 0 for a model without prefix."
        )
    reserved = tokenizer.special_tokens + settings.passage_prefix_tokens
    smallest = reserved + tokenizer.longest_word
    if settings.token_budget < smallest:
        raise BadInputError(
            f"A budget of {settings.token_budget} tokens is too small: one word may take "
            f"{tokenizer.longest_word}, special tokens and prefix take {reserved}. "
            f"Set it to {smallest} or more."
        )
    return settings.token_budget - reserved
