"""Expansions that many templates share: an argument, a fixed text, all arguments joined."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Arguments = Mapping[str, str]
"""Rendered, stripped arguments by name; those without one are named `1`, `2`, …"""

Expansion = Callable[[Arguments], str]
"""Returns the text that a template shows, with `markers`; empty for nothing."""


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
