"""Which model a Wikipedia gets by default, and which models its language rules out."""

from __future__ import annotations

from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.settings import SAMPLE_WIKI

ENGLISH_MODEL = "BAAI/bge-small-en-v1.5"
MULTILINGUAL_MODEL = "intfloat/multilingual-e5-small"

_ENGLISH_WIKIS = frozenset({SAMPLE_WIKI, "simple", "en"})


def default_model(wiki: str) -> str:
    """Return the name of the model that a wiki is embedded with unless another one is chosen."""
    if wiki == SAMPLE_WIKI:
        return DEFAULT_MODEL
    return ENGLISH_MODEL if wiki in _ENGLISH_WIKIS else MULTILINGUAL_MODEL


def reads_language(model: str, wiki: str) -> bool:
    """Return False if a model is known to read English only, and a wiki is in another language."""
    known = KNOWN_MODELS.get(model)
    return known is None or not known.english_only or wiki in _ENGLISH_WIKIS


def require_language(model: str, wiki: str) -> None:
    """Refuse a model that is known to read English only for a wiki in another language.

    Raises:
        BadInputError: The model's vectors would say little about the wiki's articles.
    """
    if not reads_language(model, wiki):
        raise BadInputError(
            f"{model} reads English only, but the articles of {wiki} are in another language. "
            f"Choose a model for many languages, such as {MULTILINGUAL_MODEL}, the default of "
            f"{wiki}; or insist with --allow-english-model, in the launchpad allow_english_model."
        )
