"""Renders parsed wikitext: what a reader sees of each node, with `markers` for later steps."""

from __future__ import annotations

import re
from html import unescape

from mwparserfromhell.nodes import (
    ExternalLink,
    Heading,
    HTMLEntity,
    Node,
    Tag,
    Template,
    Text,
    Wikilink,
)
from mwparserfromhell.wikicode import Wikicode

from wiki_embeddings.sources.wikitext.digits import superscript
from wiki_embeddings.sources.wikitext.links import link_text
from wiki_embeddings.sources.wikitext.markers import (
    HEADING,
    LINE_BREAK,
    PARAGRAPH_BREAK,
    REMOVED,
    protect,
    protect_layout,
)
from wiki_embeddings.sources.wikitext.templates import find_expansion


def render(code: Wikicode | None, hidden: frozenset[str]) -> str:
    """Render parsed wikitext.

    Args:
        code: Parsed, balanced wikitext.
        hidden: Lower-case names of the namespaces whose links show no text.

    Returns:
        Text with `markers`; bold and italics still have their apostrophes.
    """
    return "" if code is None else "".join(_render_node(node, hidden) for node in code.nodes)


def _render_node(node: Node, hidden: frozenset[str]) -> str:
    match node:
        case Text():
            text = node.value
        case Template():
            text = _render_template(node, hidden)
        case Wikilink():
            label = render(node.text, hidden)
            text = link_text(render(node.title, hidden), label, hidden) or REMOVED
        case ExternalLink():
            text = render(node.title, hidden) or REMOVED
        case HTMLEntity():
            text = protect(unescape(str(node)))
        case Heading():
            title = re.sub(f"[\n{LINE_BREAK}{PARAGRAPH_BREAK}]", " ", render(node.title, hidden))
            text = f"{PARAGRAPH_BREAK}{HEADING}{node.level}{title}{PARAGRAPH_BREAK}"
        case Tag():
            text = _render_element(node, hidden)
        case _:  # a comment, or a template parameter, which only templates have
            text = REMOVED
    return text


def _render_template(node: Template, hidden: frozenset[str]) -> str:
    expansion = find_expansion(render(node.name, hidden))
    if expansion is None:
        return REMOVED
    arguments = {
        str(parameter.name).strip(): render(parameter.value, hidden).strip()
        for parameter in node.params
    }
    return expansion(arguments) or REMOVED


def _render_element(node: Tag, hidden: frozenset[str]) -> str:
    match str(node.tag).strip().lower():
        case "sup":
            return superscript(render(node.contents, hidden))
        case "sub":
            return render(node.contents, hidden)
        case "code":
            return protect(render(node.contents, hidden))
        case "nowiki":
            return protect(unescape(str(node.contents)))
        case "math" | "ce" | "chem":
            return protect(" ".join(unescape(str(node.contents)).split()))
        case _:
            return _render_preformatted(str(node.contents))


def _render_preformatted(source: str) -> str:
    """Return program code and the like unchanged; a single line may stand within a sentence."""
    text = unescape(source).strip("\n")
    around = PARAGRAPH_BREAK if "\n" in text else ""
    return around + protect_layout(text) + around
