"""Templates for quotations, lists and columns, which begin new paragraphs or lines."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.markers import LINE_BREAK, LIST_ITEM, PARAGRAPH_BREAK
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    last,
    positional,
)


def quotation(arguments: Arguments) -> str:
    """A paragraph, with the author on a line below it."""
    text = argument("1", "text", "quote")(arguments)
    author = argument("2", "author", "sign", "cite")(arguments)
    source = argument("3", "source", "title")(arguments)
    credit = ", ".join(filter(None, [author, source]))
    attribution = f"{LINE_BREAK}— {credit}" if credit else ""
    return f"{PARAGRAPH_BREAK}{text}{attribution}{PARAGRAPH_BREAK}" if text else ""


def columns(arguments: Arguments) -> str:
    """The columns `col1`, `col2`, … one after the other."""
    names = [f"col{number}" for number in range(1, 10)]
    return PARAGRAPH_BREAK + LINE_BREAK.join(
        arguments[name] for name in names if arguments.get(name)
    )


def bullet_list(arguments: Arguments) -> str:
    """One line for each argument."""
    items = [f"{LINE_BREAK}{LIST_ITEM}{item}" for item in positional(arguments) if item]
    return "".join([*items, LINE_BREAK])


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["blockquote", "bquote", "cquote", "quotation", "quote"], quotation),
    "columns": columns,
    "columns-list": last,
    **dict.fromkeys(["hlist", "ordered list", "ubl", "unbulleted list"], bullet_list),
    "plainlist": argument("1"),
    "pre2": last,
}
