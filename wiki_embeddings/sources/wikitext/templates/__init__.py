"""What templates show, for those whose text is part of the sentence around them.

A Wikipedia has hundreds of thousands of templates. Nearly all show something beside the text (a
box, a note, a reference, a picture) and are dropped, as are pronunciations. The templates of this
package are those that occur in the prose of the sample's articles, with common aliases:
{{convert}} occurs 430 times, {{lang}} 214, {{small}} 98, {{flag}} 76, {{transl}} 52, {{nowrap}} 48,
{{nihongo}} 46, {{chem}} 35, {{quote}} 32, {{as of}} 30, the others less often. Without them, "is
{{convert|5|km}} long" says nothing.

A new template is a row in the `TEMPLATES` of the module for its kind, by its name in lower case
with spaces, and an example in the tests; `expansions` has the usual ways to show arguments.
"""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.markers import CITATION
from wiki_embeddings.sources.wikitext.templates import (
    blocks,
    dates,
    languages,
    names,
    numbers,
    typography,
    units,
)
from wiki_embeddings.sources.wikitext.templates.expansions import Expansion, constant

KINDS = (blocks, dates, languages, names, numbers, typography, units)

TEMPLATES: dict[str, Expansion] = {
    name: expansion for kind in KINDS for name, expansion in kind.TEMPLATES.items()
}


def find_expansion(name: str) -> Expansion | None:
    """Find what a template shows.

    Args:
        name: The template's name as the page writes it.

    Returns:
        The function that makes its text, or None for a template that is dropped.
    """
    name = " ".join(name.replace("_", " ").split()).lower()
    if name.startswith("formatnum:"):
        return constant(group_digits(name.removeprefix("formatnum:")))
    if name.startswith(("cite ", "vcite ")):
        return constant(CITATION)
    if name.startswith("lang-"):
        return languages.foreign_text(name.removeprefix("lang-"))
    return TEMPLATES.get(name)
