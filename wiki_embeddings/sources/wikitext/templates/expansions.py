"""Expansions that many templates share: an argument, a pattern, all arguments joined."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from wiki_embeddings.sources.wikitext.page import Page


class Arguments(dict[str, str]):
    """Rendered, stripped arguments by name; those without one are named by their number, from 1.

    Attributes:
        page: The page that calls the template.
    """

    __slots__ = ("page",)

    def __init__(self, arguments: Mapping[str, str], page: Page) -> None:
        super().__init__(arguments)
        self.page = page


Expansion = Callable[[Arguments], str]
"""Returns the text that a template shows, with `markers`; empty for nothing."""

_OPTIONAL = re.compile(r"\[([^\]]*)\]")
_FIELD = re.compile(r"\{([^}]*)\}")


def positional(arguments: Arguments) -> list[str]:
    """Return the arguments without a name, up to the first gap."""
    values: list[str] = []
    while (value := arguments.get(str(len(values) + 1))) is not None:
        values.append(value)
    return values


def constant(text: str) -> Expansion:
    """Always show the same text."""
    return lambda _: text


def argument(*names: str) -> Expansion:
    """Show the first of these arguments that is not empty."""
    return lambda arguments: next((arguments[name] for name in names if arguments.get(name)), "")


def last(arguments: Arguments) -> str:
    """Show the last argument, for templates that take a language or a size before the text."""
    return next((value for value in reversed(positional(arguments)) if value), "")


def joined(separator: str) -> Expansion:
    """Show all arguments without a name."""
    return lambda arguments: separator.join(filter(None, positional(arguments)))


def around(before: str, after: str = "") -> Expansion:
    """Show the first argument between two texts; nothing without it."""
    return lambda arguments: f"{before}{arguments['1']}{after}" if arguments.get("1") else ""


def pattern(text: str) -> Expansion:
    """Show arguments within a text.

    `{1|name}` stands for the first of these arguments that is not empty; the template shows nothing
    if there is none. What stands in square brackets is left out if an argument in it is missing:
    `{1}[ ({2})]`.
    """
    parts = [_split_fields(part) for part in _OPTIONAL.split(text)]

    def expand(arguments: Arguments) -> str:
        shown = ""
        for index, (literals, fields) in enumerate(parts):
            values = [field(arguments) for field in fields]
            if all(values):
                pairs = zip(literals, [*values, ""], strict=True)
                shown += "".join(literal + value for literal, value in pairs)
            elif index % 2 == 0:
                return ""
        return shown

    return expand


def _split_fields(part: str) -> tuple[list[str], list[Expansion]]:
    """Split a part of a pattern into the literal texts and the fields between them."""
    pieces = _FIELD.split(part)
    return pieces[::2], [argument(*names.split("|")) for names in pieces[1::2]]


def rows(table: Mapping[str, str]) -> dict[str, Expansion]:
    """Make the rows of a module's `TEMPLATES` from patterns.

    Args:
        table: The names of templates, separated by bars, for each pattern.
    """
    return {
        " ".join(name.split()): pattern(text)
        for text, names in table.items()
        for name in names.split("|")
    }
