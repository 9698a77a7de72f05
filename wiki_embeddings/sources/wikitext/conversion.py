"""Turns wikitext into plain text.

The text is that of an article's reader, in the shape of `wikimedia/wikipedia` on the Hub:
paragraphs, headings and lists without markup; no pictures, tables, references or boxes.
Conversion has three steps: `balance` drops what would make parsing slow or ambiguous, the parser's
nodes are rendered, and `tidy` mends the places where something was taken out.
"""

from __future__ import annotations

from collections.abc import Collection

import mwparserfromhell

from wiki_embeddings.sources.wikitext.balance import balance
from wiki_embeddings.sources.wikitext.cleanup import tidy
from wiki_embeddings.sources.wikitext.links import HIDDEN_NAMESPACES
from wiki_embeddings.sources.wikitext.markers import without_marks
from wiki_embeddings.sources.wikitext.render import render

CONVERSION = 1
"""Version of the conversion: to be raised by every change that changes a text."""


def plain_text(wikitext: str, hidden_namespaces: Collection[str] = ()) -> str:
    """Converts a page's wikitext into plain text; never fails on what a page may hold.

    Args:
        wikitext: The page's source.
        hidden_namespaces: Names of the file and category namespaces in the wiki's own language,
            besides the English ones, which every wiki understands.

    Returns:
        Paragraphs and headings separated by one blank line, list items on a line each, formulas
        in their TeX source; empty when the page has no text.
    """
    hidden = HIDDEN_NAMESPACES.union(name.lower() for name in hidden_namespaces)
    balanced = balance(without_marks(wikitext))
    return tidy(render(mwparserfromhell.parse(balanced, skip_style_tags=True), hidden))
