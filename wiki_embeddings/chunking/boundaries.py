r"""Finds where a plain text may be cut: before sections, paragraphs, lines and sentences.

The rules know no language and no markup, only what the plain text of our sources looks like:

* A paragraph begins after a blank line (white space between two line ends), a line after a line
  end.
* A section begins at a heading. A heading is the first line after a blank line, or of the text,
  and has further lines after it. It is at most 80 characters long, is not indented (lists are),
  begins with neither a lower-case letter nor a list marker, and does not end with punctuation. At
  most three headings stand one under the other; similar lines after them are a list.
* A sentence ends with `.`, `!`, `?` or a similar sign of another script, including closing quotes
  or brackets, if white space follows and the next character is not a lower-case letter; with `。`
  and similar signs it ends even without white space. A full stop does not end a sentence after an
  initial (`J. Doe`, `U.S. Navy`), an abbreviation (`St. Paul`) or a number that begins a line.

A boundary lies after the white space, so a chunk begins with visible text.
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
"""A section, its first subsection and that one's first may have headings without text between."""


class Level(IntEnum):
    """How good a cut is, from the worst."""

    HEADING = 0
    """After a heading, which should never be the end of a chunk."""
    WORD = 1
    SENTENCE = 2
    LINE = 3
    PARAGRAPH = 4
    SECTION = 5


class Boundary(NamedTuple):
    """A place where a text may be cut.

    Attributes:
        position: First code point after the cut.
        level: The largest unit that begins there.
    """

    position: int
    level: Level


def find_boundaries(text: str) -> list[Boundary]:
    """Find the boundaries inside a text, from sentences upwards, in ascending order."""
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
    """Find the boundaries from lines upwards."""
    lines: list[Boundary] = []
    line_start, begins_paragraph, headings = 0, True, 0
    for gap in _LINE_GAP.finditer(text):
        if gap.end() == len(text):
            break
        is_heading = begins_paragraph and _looks_like_heading(text, line_start, gap.start())
        headings = headings + 1 if is_heading else 0
        if headings == 1 and lines:
            lines[-1] = Boundary(line_start, Level.SECTION)
        begins_paragraph = _has_blank_line(gap.group())
        level = Level.PARAGRAPH if begins_paragraph else Level.LINE
        if 1 <= headings <= NESTED_HEADINGS:
            level = Level.HEADING
        line_start = gap.end()
        lines.append(Boundary(line_start, level))
    return lines


def _has_blank_line(gap: str) -> bool:
    """Return True if white space has two line ends, or one paragraph separator."""
    if gap in {"\n", "\n\n"}:
        return len(gap) > 1
    ends = _LINE_ENDS.findall(gap)
    return len(ends) > 1 or ends[0] == "\u2029"


_NOT_HEADING_START = "-–—*•·|"
_NOT_HEADING_END = ".!?…:;,。！？：；，、।؟۔"


def _looks_like_heading(text: str, start: int, end: int) -> bool:
    """Return True if the first line of a paragraph looks like a heading."""
    indented = start > 0 and text[start - 1] not in "\n\r\u2028\u2029"
    if indented or end - start > 2 * HEADING_CHARS:
        return False
    line = text[start:end].strip()
    return (
        0 < len(line) <= HEADING_CHARS
        and not line[0].islower()
        and line[0] not in _NOT_HEADING_START
        and line[-1] not in _NOT_HEADING_END
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
"""One set of stops in front, no alternatives: that is five times as fast."""


def _sentence_starts(text: str, line_starts: Set[int]) -> Iterator[int]:
    """Yield the start of each sentence after another one."""
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
    """Return True if the number before the stop begins a line."""
    return any(
        text[stop - digits : stop].isdigit() and stop - digits in line_starts
        for digits in range(1, _LIST_NUMBER_DIGITS + 1)
    )
