"""The last step: marked text becomes clean paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from wiki_embeddings.sources.wikitext.bold_italic import without_styles
from wiki_embeddings.sources.wikitext.markers import (
    BREAK,
    CITATION,
    HEADING,
    HOLE,
    ITEM,
    PARAGRAPH,
    unshield,
)
from wiki_embeddings.sources.wikitext.punctuation import close_holes

_RESIDUE = [
    re.compile(r"__[A-Z]+__"),  # magic words
    re.compile(r"^[ \t]*\|.*$", re.MULTILINE),  # rows of a table that templates begin and end
    re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}"),
    re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]"),  # characters without width
]
_SPACE = re.compile(r"[^\S\n]+")
_SPACE_IN_BRACKETS = re.compile(r"(?<=[(\[]) +| +(?=[)\]])")
_SPACE_BEFORE_STOP = re.compile(r" +(?=[,;](?: |$))|(?<![.,]) +(?=\.(?: [A-Z]|$))")
_BREAK_BEFORE_STOP = re.compile(rf"\n(?=[,;.)](?:[\s{HOLE}]|$))")
_EMPTY_BRACKETS = re.compile(r" ?\( \)")

_ABOUT_WHAT_WENT = re.compile(rf"['\s]*(?:{CITATION}.*|{HOLE}(?=.*[(\d])(?:\([^()]*\)|[^\w(]|\d)*)")
"""A line that only says something, in brackets or numbers, about what was taken out before it."""


def tidy(marked: str) -> str:
    """Turns marked text into plain text.

    Args:
        marked: Text with `marks`, in which paragraphs are separated by blank lines.

    Returns:
        Paragraphs and headings separated by one blank line, without `marks`; the items of a list
        stand on one line each.
    """
    text = marked.replace(BREAK, "\n").replace(PARAGRAPH, "\n\n")
    for residue in _RESIDUE:
        text = residue.sub("", text)
    text = _BREAK_BEFORE_STOP.sub("", _SPACE.sub(" ", text))
    lines = [_tidy_line(line) for line in text.split("\n")]
    blocks = _blocks(line for line in lines if line is not None)
    return unshield("\n\n".join(_without_empty_sections(blocks)))


def _tidy_line(line: str) -> str | None:
    """Cleans one line; None for a line of which nothing is left, not even a break."""
    is_item = ITEM in line
    line = line.replace(ITEM, "")
    if _ABOUT_WHAT_WENT.fullmatch(line):
        return None
    line = close_holes(without_styles(line.replace(CITATION, HOLE)))
    for surplus in (_EMPTY_BRACKETS, _SPACE_IN_BRACKETS, _SPACE_BEFORE_STOP):
        line = surplus.sub("", line)
    line = _SPACE.sub(" ", line).strip()
    return None if is_item and not line else line


def _blocks(lines: Iterable[str]) -> list[str]:
    """Joins the lines between blank ones."""
    return ["\n".join(group) for has_text, group in groupby(lines, key=bool) if has_text]


def _without_empty_sections(blocks: list[str]) -> list[str]:
    """Drops the headings that have no text under them, and the marks of the others."""
    kept: list[str] = []
    has_text, level_below = False, 0  # of what follows: text before any heading; the next heading
    for block in reversed(blocks):
        if not block.startswith(HEADING):
            has_text = True
            kept.append(block)
        elif has_text or level_below > int(block[1]):
            has_text, level_below = False, int(block[1])
            kept.append(block[2:].strip())
    return [block for block in reversed(kept) if block]
