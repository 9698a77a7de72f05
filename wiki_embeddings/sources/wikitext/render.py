"""Renders parsed wikitext: what a reader sees of each node, with `markers` for later steps."""

from __future__ import annotations

import re
from html import unescape

from mwparserfromhell.nodes import (
    Argument,
    ExternalLink,
    Heading,
    HTMLEntity,
    Node,
    Tag,
    Template,
    Text,
    Wikilink,
)
from mwparserfromhell.nodes.extras import Parameter
from mwparserfromhell.wikicode import Wikicode

from wiki_embeddings.sources.wikitext.digits import superscript
from wiki_embeddings.sources.wikitext.links import link_text
from wiki_embeddings.sources.wikitext.markers import (
    HEADING,
    HOLE,
    LINE_BREAK,
    PARAGRAPH_BREAK,
    REMOVED,
    protect,
    protect_layout,
)
from wiki_embeddings.sources.wikitext.page import Page
from wiki_embeddings.sources.wikitext.parser_functions import VARIABLES, expand_function
from wiki_embeddings.sources.wikitext.templates import find_expansion
from wiki_embeddings.sources.wikitext.templates.expansions import Arguments
from wiki_embeddings.sources.wikitext.templates.unknown import MAX_ARGUMENTS, guess

_ENTITY = re.compile(r"&[A-Za-z][A-Za-z0-9]*;")


def render(code: Wikicode | None, page: Page) -> str:
    """Render parsed wikitext.

    Args:
        code: Parsed, balanced wikitext.
        page: The page that it comes from.

    Returns:
        Text with `markers`; bold and italics still have their apostrophes.
    """
    return "" if code is None else "".join(_render_node(node, page) for node in code.nodes)


def _render_node(node: Node, page: Page) -> str:
    match node:
        case Text():
            text = node.value
            if "&" in text:  # the parser knows only the entities of HTML 4
                text = _ENTITY.sub(lambda entity: protect(unescape(entity[0])), text)
        case Template():
            text = _render_template(node, page)
        case Wikilink():
            label = render(node.text, page)
            text = link_text(render(node.title, page), label, page.hidden) or REMOVED
        case ExternalLink() if node.brackets:
            text = render(node.title, page) or REMOVED
        case ExternalLink():
            text = protect(render(node.url, page))
        case Argument():
            text = HOLE if node.default is None else render(node.default, page).strip()
        case HTMLEntity():
            text = protect(unescape(str(node)))
        case Heading():
            title = re.sub(f"[\n{LINE_BREAK}{PARAGRAPH_BREAK}]", " ", render(node.title, page))
            text = f"{PARAGRAPH_BREAK}{HEADING}{node.level}{title}{PARAGRAPH_BREAK}"
        case Tag():
            text = _render_element(node, page)
        case _:  # a comment
            text = REMOVED
    return text


def _render_template(node: Template, page: Page) -> str:
    name = render(node.name, page)
    if (variable := VARIABLES.get(name.strip())) and not node.params:
        return variable(page) or HOLE
    if name.endswith(":") and node.params:  # `balance` makes what follows the colon an argument
        parts = [_render_part(parameter, page) for parameter in node.params]
        return expand_function(name.removesuffix(":"), parts, page) or HOLE
    expansion = find_expansion(name, page.language)
    if expansion is None and not 1 <= len(node.params) <= MAX_ARGUMENTS:
        return HOLE
    rendered = {
        str(parameter.name).strip(): render(parameter.value, page).strip()
        for parameter in node.params
    }
    arguments = Arguments(rendered, page)
    text = guess(name.strip().lower(), arguments) if expansion is None else expansion(arguments)
    return text or HOLE


def _render_part(parameter: Parameter, page: Page) -> str:
    """Render what stands between two bars of a parser function, with its name if it has one."""
    value = render(parameter.value, page)
    return f"{render(parameter.name, page)}={value}" if parameter.showkey else value


def _render_element(node: Tag, page: Page) -> str:
    match str(node.tag).strip().lower():
        case "sup":
            return superscript(render(node.contents, page))
        case "sub":
            return render(node.contents, page)
        case "code":
            return protect(render(node.contents, page))
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
