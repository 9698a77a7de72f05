r"""Where a plain text may be cut: before sections, paragraphs, lines and sentences.

The rules know no language and no markup, only the look of our sources' plain text:

* A paragraph begins after a blank line (white space between two line ends), a line after a line
  end.
* A section begins at a heading. A heading is the first line after a blank line, or of the text,
  and has further lines after it. It is at most 80 characters long, is not indented (lists are),
  begins with neither a lower-case letter nor a list's mark, and ends with no punctuation. At
  most three headings stand one under the other; what follows them looking alike is a list.
* A sentence ends with `.`, `!`, `?` or a sign like these of another script, closing quotes or
  brackets included, when white space follows and what comes then is no lower-case letter; with
  `。` and its like it ends even without white space. A full stop ends no sentence after an
  initial (`J. Doe`, `U.S. Navy`), an abbreviation (`St. Paul`) or a number that begins a line.

A boundary stands after the white space, so a chunk begins with something to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from enum import IntEnum
from typing import NamedTuple

from wiki_embeddings.chunking.characters import SPACE

HEADING_CHARS = 80
"""Longest heading; longer lines without punctuation are captions and list items."""

NESTED_HEADINGS = 3
"""A section, a part of it and a part of that may have headings without text between."""


class Level(IntEnum):
    """How good a cut is, from the worst."""

    HEADING = 0
    """After a heading, which a chunk should never end with."""
    WORD = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


class Boundary(NamedTuple):
    """A place where a text may be cut.

    Attributes:
        position: Code point that the later side begins with.
        level: The largest thing that begins there.
    """

    position: int
    level: Level


def find_boundaries(text: str) -> list[Boundary]:
    """Finds the boundaries inside a text, in ascending order, from sentences upwards."""
    lines = _find_lines(text)
    line_starts = {0, *(line.position for line in lines)}
    sentences = [
        Boundary(position, Level.SENTENCE)
        for position in _sentence_starts(text, line_starts)
        if position not in line_starts
    ]
    return sorted([*lines, *sentences])


_LINE_GAP = re.compile(rf"[\n\r\u2028\u2029][{SPACE}]*")
_LINE_ENDS = re.compile(r"\r\n|[\n\r\u2028\u2029]")


def _find_lines(text: str) -> list[Boundary]:
    """Finds the boundaries from lines upwards."""
    lines: list[Boundary] = []
    line_start, begins_block, headings = 0, True, 0
    for gap in _LINE_GAP.finditer(text):
        if gap.end() == len(text):
            break
        is_heading = begins_block and _looks_like_heading(text, line_start, gap.start())
        headings = headings + 1 if is_heading else 0
        if headings == 1 and lines:
            lines[-1] = Boundary(line_start, Level.SECTION)
        begins_block = _has_blank_line(gap.group())
        level = Level.PARAGRAPH if begins_block else Level.LINE
        if 1 <= headings <= NESTED_HEADINGS:
            level = Level.HEADING
        line_start = gap.end()
        lines.append(Boundary(line_start, level))
    return lines


def _has_blank_line(gap: str) -> bool:
    """Tells two line ends from one."""
    if gap in {"\n", "\n\n"}:
        return len(gap) > 1
    ends = _LINE_ENDS.findall(gap)
    return len(ends) > 1 or ends[0] == "\u2029"


_NOT_BEFORE_HEADING = "-–—*•·|"
_NOT_AFTER_HEADING = ".!?…:;,。！？：；，、।؟۔"


def _looks_like_heading(text: str, start: int, end: int) -> bool:
    """Tells whether a line at the beginning of a paragraph has the look of a heading."""
    indented = start > 0 and text[start - 1] not in "\n\r\u2028\u2029"
    if indented or end - start > 2 * HEADING_CHARS:
        return False
    line = text[start:end].strip()
    return (
        0 < len(line) <= HEADING_CHARS
        and not line[0].islower()
        and line[0] not in _NOT_BEFORE_HEADING
        and line[-1] not in _NOT_AFTER_HEADING
    )


_STOPS_WITHOUT_SPACE = "。！？｡"
_STOPS = ".!?…؟۔।॥։።᙮" + _STOPS_WITHOUT_SPACE
_CLOSING = r"\"'”’»›)\]」』）】〉》"
_ABBREVIATIONS = (
    "mr|ms|dr|st|sr|jr|lt|mt|ft|no|nr|bd|pp|ch|ed|op|cf|ca|vs|al|ph",
    "mrs|mme|ste|rev|hon|gen|col|maj|cpt|sgt|gov|sen|rep|str|ave|nos|vol|fig|sec|eds|cit|viz"
    "|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec",
    "prof|capt|pres|mlle|blvd|univ|dept|vols|figs|sept",
    "approx",
)
"""Words written with a full stop that a name, a number or a title often follows, by length."""

_SENTENCE_END = re.compile(
    rf"[{_STOPS}]"
    r"(?<!\b[^\W\d_]\.)"  # an initial
    + "".join(rf"(?<!\b(?i:{words})\.)" for words in _ABBREVIATIONS)
    + rf"[{_CLOSING}]*[{SPACE}]*"
)
"""One set of stops in front and no choice of patterns: that is five times as fast."""


def _sentence_starts(text: str, line_starts: Set[int]) -> Iterator[int]:
    """Yields where a sentence begins after another."""
    for match in _SENTENCE_END.finditer(text):
        stop, end = match.span()
        if not text[end - 1].isspace() and text[stop] not in _STOPS_WITHOUT_SPACE:
            continue
        if end == len(text) or text[end].islower() or text[end] in _STOPS:
            continue
        if text[stop - 1 : stop].isdigit() and _is_list_number(text, stop, line_starts):
            continue
        yield end


_LIST_NUMBER_DIGITS = 3


def _is_list_number(text: str, stop: int, line_starts: Set[int]) -> bool:
    """Tells whether a line begins with the number before the stop."""
    return any(
        text[stop - digits : stop].isdigit() and stop - digits in line_starts
        for digits in range(1, _LIST_NUMBER_DIGITS + 1)
    )
