"""The settings of chunking, and the check that a tokenizer can keep to them."""

from __future__ import annotations

from dataclasses import dataclass

from wiki_embeddings.chunking.tokenizer import ChunkTokenizer
from wiki_embeddings.errors import BadInputError


@dataclass(frozen=True)
class ChunkSettings:
    """Settings of chunking.

    Attributes:
        token_budget: Most tokens that the model reads for one chunk: special tokens, the model's
            passage prefix, the title and the chunk's text together.
        title_prefix: True to put the tokens of the title before those of each chunk's text.
        passage_prefix_tokens: Tokens of the prefix that the encoder puts before a passage
            (`"passage: "` and the like).
    """

    token_budget: int = 256
    title_prefix: bool = False
    passage_prefix_tokens: int = 0


def check_settings(tokenizer: ChunkTokenizer, settings: ChunkSettings) -> int:
    """Check that the budget holds any single word, since words are never split.

    Returns:
        Tokens that the budget leaves for title and text.

    Raises:
        BadInputError: The budget is too small, or the number of prefix tokens is negative.
    """
    if settings.passage_prefix_tokens < 0:
        raise BadInputError(
            f"{settings.passage_prefix_tokens} passage prefix tokens make no sense: "
            "give their number, or 0 for a model without a prefix."
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
