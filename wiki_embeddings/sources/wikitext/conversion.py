"""The conversion, step by step: balance the markup, parse it, render the nodes, clean up.

The text is what a reader of the article sees, in the shape of `wikimedia/wikipedia` on the Hub:
paragraphs, headings and lists without markup; no pictures, tables, references or boxes.
"""

from __future__ import annotations

from collections.abc import Collection

import mwparserfromhell

from wiki_embeddings.sources.wikitext.balance import balance
from wiki_embeddings.sources.wikitext.cleanup import clean_up
from wiki_embeddings.sources.wikitext.headings import ConvertedText, join_blocks
from wiki_embeddings.sources.wikitext.links import HIDDEN_NAMESPACES
from wiki_embeddings.sources.wikitext.markers import remove_markers
from wiki_embeddings.sources.wikitext.page import Page
from wiki_embeddings.sources.wikitext.render import render


def convert(
    wikitext: str,
    hidden_namespaces: Collection[str] = (),
    language: str = "en",
    title: str = "",
) -> ConvertedText:
    """Convert a page's wikitext into plain text; never fails, whatever the page contains.

    Args:
        wikitext: The page's source.
        hidden_namespaces: Names of the file and category namespaces in the wiki's own language,
            besides the English ones, which every wiki understands.
        language: Language code of the wiki. Dates, numbers and names of languages are written in
            it, and its own templates come before those of other editions.
        title: Title of the page, for {{PAGENAME}}.

    Returns:
        The text, with paragraphs and headings separated by one blank line, each list item on its
        own line, formulas in their TeX source, and where its headings are; empty when the page has
        no text.
    """
    page = Page(
        hidden=HIDDEN_NAMESPACES.union(name.lower() for name in hidden_namespaces),
        language=language,
        title=title,
    )
    balanced = balance(remove_markers(wikitext))
    rendered = render(mwparserfromhell.parse(balanced, skip_style_tags=True), page)
    return join_blocks(clean_up(rendered, language))
