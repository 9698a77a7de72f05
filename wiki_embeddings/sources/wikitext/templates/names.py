"""Templates for names, and for references to books, laws and patents."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.markers import CITATION
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    around,
    constant,
    joined,
    positional,
)


def harvard(arguments: Arguments) -> str:
    """`Boolos & Jeffrey (1974, 1999)`."""
    *authors, year = positional(arguments) or [""]
    return f"{' & '.join(authors)} ({year})" if authors else year


TEMPLATES: dict[str, Expansion] = {
    "bibleref": joined(" "),
    **dict.fromkeys(["citation", "harvard citation"], constant(CITATION)),
    "epc 1973 rule": around("Rule ", " EPC 1973"),
    "epc article": around("Article ", " EPC"),
    "epc rule": around("Rule ", " EPC"),
    "flag": argument("name", "1"),
    "harvtxt": harvard,
    "hms": around("HMS "),
    "mv": around("MV "),
    "pct rule": around("Rule ", " PCT"),
    "ss": around("SS "),
    "us patent": around("U.S. Patent "),
    "uss": around("USS "),
}
