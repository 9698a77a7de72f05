"""Renders parsed wikitext: what a reader sees of each node, with `marks` where it needs mending."""

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
    BREAK,
    HEADING,
    HOLE,
    PARAGRAPH,
    shield,
    shield_layout,
)
from wiki_embeddings.sources.wikitext.templates import expansion_of


def render(code: Wikicode | None, hidden: frozenset[str]) -> str:
    """Renders parsed wikitext.

    Args:
        code: What the parser made of balanced wikitext.
        hidden: Lower-case names of the namespaces whose links show no text.

    Returns:
        Text with `marks`; bold and italics still have their apostrophes.
    """
    return "" if code is None else "".join(_node(node, hidden) for node in code.nodes)


def _node(node: Node, hidden: frozenset[str]) -> str:
    match node:
        case Text():
            text = node.value
        case Template():
            text = _template(node, hidden)
        case Wikilink():
            label = render(node.text, hidden)
            text = link_text(render(node.title, hidden), label, hidden) or HOLE
        case ExternalLink():
            text = render(node.title, hidden) or HOLE
        case HTMLEntity():
            text = shield(unescape(str(node)))
        case Heading():
            title = re.sub(f"[\n{BREAK}{PARAGRAPH}]", " ", render(node.title, hidden))
            text = f"{PARAGRAPH}{HEADING}{node.level}{title}{PARAGRAPH}"
        case Tag():
            text = _element(node, hidden)
        case _:  # a comment, or a template's parameter, which no page but a template has
            text = HOLE
    return text


def _template(node: Template, hidden: frozenset[str]) -> str:
    expansion = expansion_of(render(node.name, hidden))
    if expansion is None:
        return HOLE
    arguments = {
        str(parameter.name).strip(): render(parameter.value, hidden).strip()
        for parameter in node.params
    }
    return expansion(arguments) or HOLE


def _element(node: Tag, hidden: frozenset[str]) -> str:
    match str(node.tag).strip().lower():
        case "sup":
            return superscript(render(node.contents, hidden))
        case "sub":
            return render(node.contents, hidden)
        case "code":
            return shield(render(node.contents, hidden))
        case "nowiki":
            return shield(unescape(str(node.contents)))
        case "math" | "ce" | "chem":
            return shield(" ".join(unescape(str(node.contents)).split()))
        case _:
            return _preformatted(str(node.contents))


def _preformatted(source: str) -> str:
    """Program code and the like, as it is; a line of it may stand within a sentence."""
    text = unescape(source).strip("\n")
    around = PARAGRAPH if "\n" in text else ""
    return around + shield_layout(text) + around
