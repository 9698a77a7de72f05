"""The last step of the conversion: text with markers becomes clean paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from wiki_embeddings.sources.wikitext.bold_italic import remove_bold_italic
from wiki_embeddings.sources.wikitext.markers import (
    CITATION,
    HEADING,
    LINE_BREAK,
    LIST_ITEM,
    PARAGRAPH_BREAK,
    REMOVED,
)
from wiki_embeddings.sources.wikitext.punctuation import repair_punctuation

_RESIDUES = [
    re.compile(r"__[A-Z]+__"),  # magic words
    re.compile(r"^[ \t]*\|.*$", re.MULTILINE),  # rows of a table that templates begin and end
    re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}"),
    re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]"),  # characters without width
]
_SPACE = re.compile(r"[^\S\n]+")
_SPACE_IN_BRACKETS = re.compile(r"(?<=[(\[]) +| +(?=[)\]])")
_SPACE_BEFORE_STOP = re.compile(r" +(?=[,;](?: |$))|(?<![.,]) +(?=\.(?: [A-Z]|$))")
_BREAK_BEFORE_STOP = re.compile(rf"\n(?=[,;.)](?:[\s{REMOVED}]|$))")
_EMPTY_BRACKETS = re.compile(r" ?\( \)")

_REMARK = re.compile(rf"['\s]*(?:{CITATION}.*|{REMOVED}(?=.*[(\d])(?:\([^()]*\)|[^\w(]|\d)*)")
"""A line with only a remark, in brackets or numbers, about what was removed before it."""


def clean_up(marked: str) -> list[str]:
    """Turn text with markers into the paragraphs and headings of a plain text.

    Args:
        marked: Text with `markers`, in which blank lines separate paragraphs.

    Returns:
        Paragraphs, without markers but for protected characters, and headings, with their marker
        and level in front; each list item stands on its own line.
    """
    text = marked.replace(LINE_BREAK, "\n").replace(PARAGRAPH_BREAK, "\n\n")
    for residue in _RESIDUES:
        text = residue.sub("", text)
    text = _BREAK_BEFORE_STOP.sub("", _SPACE.sub(" ", text))
    lines = [_clean_line(line) for line in text.split("\n")]
    blocks = _join_lines(line for line in lines if line is not None)
    return _drop_empty_sections(blocks)


def _clean_line(line: str) -> str | None:
    """Clean one line; return None if nothing is left of it, not even a line break."""
    is_item = LIST_ITEM in line
    line = line.replace(LIST_ITEM, "")
    if _REMARK.fullmatch(line):
        return None
    line = repair_punctuation(remove_bold_italic(line.replace(CITATION, REMOVED)))
    for surplus in (_EMPTY_BRACKETS, _SPACE_IN_BRACKETS, _SPACE_BEFORE_STOP):
        line = surplus.sub("", line)
    line = _SPACE.sub(" ", line).strip()
    return None if is_item and not line else line


def _join_lines(lines: Iterable[str]) -> list[str]:
    """Join the lines between blank ones into blocks."""
    return ["\n".join(group) for has_text, group in groupby(lines, key=bool) if has_text]


def _drop_empty_sections(blocks: list[str]) -> list[str]:
    """Drop the headings without text under them."""
    kept: list[str] = []
    has_text, level_below = False, 0  # since the last heading seen from the end, and its level
    for block in reversed(blocks):
        if not block.startswith(HEADING):
            has_text = True
            kept.append(block)
        elif has_text or level_below > int(block[1]):
            has_text, level_below = False, int(block[1])
            kept.append(block)
    return kept[::-1]
