"""The last step: marked text becomes clean paragraphs.

What was taken out of a line left a `HOLE` behind, so spaces and punctuation are mended there and
nowhere else: an author's own `f()` stays as it is.
"""

from __future__ import annotations

import re
from itertools import groupby

from wiki_embeddings.sources.wikitext.marks import (
    BREAK,
    CITATION,
    HEADING,
    HOLE,
    ITEM,
    PARAGRAPH,
    unshield,
)

_MAGIC_WORD = re.compile(r"__[A-Z]+__")
_TABLE_ROW = re.compile(r"^[ \t]*\|.*$", re.MULTILINE)
_STRAY_MARKUP = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}")
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_SPACE = re.compile(r"[^\S\n]+")
_SPACE_IN_BRACKETS = re.compile(r"(?<=[(\[]) +| +(?=[)\]])")
_SPACE_BEFORE_STOP = re.compile(r" +(?=[,;](?: |$))|(?<![.,]) +(?=\.(?: [A-Z]|$))")
_BREAK_BEFORE_STOP = re.compile(rf"\n(?=[,;.)](?:[\s{HOLE}]|$))")
_EMPTY_BRACKETS = re.compile(r" ?\( \)")
_BRACKETS = re.compile(r"\(([^()\n]*)\)")
_APOSTROPHES = re.compile("'{2,}")
_LEFT_IN_BRACKETS = re.compile(
    rf"(?:pronounced|pronunciation|named|also|or|and|listen|see|e\.g\.|cf\.|IPA|US|UK|years ago|[\s/:{HOLE}])*"
    rf"|\s*[$£€]{HOLE}.*",
    re.IGNORECASE,
)
"""A part of a bracket with nothing to say once a pronunciation, an age or a sum was taken out."""

_LOST = re.compile(rf"['\s]*(?:{CITATION}.*|{HOLE}['\s]*(?:\([^()]*\)['\s.]*)+)")
"""A line that says something about what was taken out."""


def tidy(marked: str) -> str:
    """Turns marked text into plain text.

    Args:
        marked: Text with `marks`, in which paragraphs are separated by blank lines.

    Returns:
        Paragraphs and headings separated by one blank line, without `marks`; the items of a list
        stand on one line each.
    """
    text = marked.replace(BREAK, "\n").replace(PARAGRAPH, "\n\n")
    for pattern in (_MAGIC_WORD, _TABLE_ROW, _STRAY_MARKUP, _INVISIBLE):
        text = pattern.sub("", text)
    text = _BREAK_BEFORE_STOP.sub("", _SPACE.sub(" ", text))
    lines = [_tidy_line(line) for line in text.split("\n")]
    blocks = _without_empty_sections(_paragraphs(lines))
    return unshield("\n\n".join(blocks))


def _tidy_line(line: str) -> str | None:
    """Cleans one line; None for a line that goes entirely."""
    is_item = ITEM in line
    line = line.replace(ITEM, "")
    if _LOST.fullmatch(line):
        return None
    line = _without_quotes(line.replace(CITATION, HOLE))
    if HOLE in line:
        line = _close_holes(_BRACKETS.sub(_mend_brackets, line))
    line = _EMPTY_BRACKETS.sub("", line)
    line = _SPACE_IN_BRACKETS.sub("", line)
    line = _SPACE_BEFORE_STOP.sub("", line)
    line = _SPACE.sub(" ", line).strip()
    return None if is_item and not line else line


def _without_quotes(line: str) -> str:
    """Removes the apostrophes of bold and italic text and keeps those that are text.

    Two make italics, three bold, five both; more are text, and so is one of four. When both
    bold and italics are left open, as in `''Time'''s`, one bold was an apostrophe and italics.
    """
    runs = list(_APOSTROPHES.finditer(line))
    if not runs:
        return line
    lengths = [len(run[0]) for run in runs]
    kept = [{2: 0, 3: 0, 4: 1, 5: 0}.get(length, length - 5) for length in lengths]
    bold = sum(length != 2 for length in lengths)
    italic = sum(length == 2 or length >= 5 for length in lengths)
    if bold % 2 and italic % 2 and (index := _apostrophe_among(runs, line)) is not None:
        kept[index] += 1
    pieces, end = [], 0
    for run, count in zip(runs, kept, strict=True):
        pieces += [line[end : run.start()], "'" * count]
        end = run.end()
    return "".join(pieces) + line[end:]


def _apostrophe_among(runs: list[re.Match[str]], line: str) -> int | None:
    """Index of the run of three that is an apostrophe and italics, by MediaWiki's preference."""

    def preference(index: int) -> int:
        before = line[: runs[index].start()][-2:]
        if before.strip() == "" or before.endswith(" "):
            return 2
        return 0 if before.startswith(" ") else 1

    bolds = [index for index, run in enumerate(runs) if len(run[0]) in (3, 4)]
    return min(bolds, key=preference, default=None)


def _mend_brackets(brackets: re.Match[str]) -> str:
    """Takes out of a bracket each part, up to `,` or `;`, that has lost what it was there for."""
    if HOLE not in brackets[1]:
        return brackets[0]
    first, *rest = re.split("([,;])", brackets[1])
    parts = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
    kept = [part for part in parts if not _LEFT_IN_BRACKETS.fullmatch(part[1])]
    if not kept:
        return HOLE
    kept[0] = ("", kept[0][1])
    inner = "".join(separator + text for separator, text in kept)
    return f"({inner.strip()})"


def _close_holes(line: str) -> str:
    """Removes each hole with the space and the separators that are left over around it."""
    text, *pieces = line.split(HOLE)
    for piece in pieces:
        text = _join(text, piece)
    return text


def _join(left: str, right: str) -> str:
    before, after = left.rstrip(" "), right.lstrip(" ")
    spaced = before != left or after != right
    if not before:
        return after.lstrip(" ,;:.–—")
    if before[-1] in "([":
        return before + after.lstrip(" ,;:")
    if after[:1] in {")", "]"}:
        return before.rstrip(" ,;:") + after
    if after[:1] in {",", ";", ":", "."}:
        before = before.rstrip(" ,;:")
        return before + after.removeprefix("." if re.search(r"\.$", before) else "")
    if after[:1] in {"!", "?"}:
        return before + after
    return before + " " * spaced + after


def _paragraphs(lines: list[str | None]) -> list[str]:
    """Joins the lines between blank ones; a heading is a paragraph of its own."""
    kept = (line for line in lines if line is not None)
    groups = groupby(kept, key=bool)
    return ["\n".join(group) for has_text, group in groups if has_text]


def _without_empty_sections(blocks: list[str]) -> list[str]:
    """Drops the headings that have no text under them, and the headings' marks."""
    kept: list[str] = []
    has_text, level_below = False, 0  # of what follows: text before any heading; the next heading
    for block in reversed(blocks):
        if not block.startswith(HEADING):
            has_text = True
            kept.append(block)
        elif has_text or level_below > int(block[1]):
            has_text, level_below = False, int(block[1])
            kept.append(block[2:])
    return kept[::-1]
