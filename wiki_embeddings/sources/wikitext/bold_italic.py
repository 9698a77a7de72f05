"""Removes the apostrophes that make text bold or italic, and keeps those that are text."""

from __future__ import annotations

import re

_APOSTROPHES = re.compile("'{2,}")
_TEXT_APOSTROPHES = {2: 0, 3: 0, 4: 1, 5: 0}
"""Apostrophes that are text, by the length of a row of them; beyond five, each one is text."""


def remove_bold_italic(line: str) -> str:
    """Remove the markup of bold and italics from one line, by MediaWiki's rules.

    Two apostrophes make italics, three bold, five both; one of four is text, as is each after the
    fifth. Where a line leaves both bold and italics open, as `''Time'''s` does, one bold was an
    apostrophe beside italics.
    """
    matches = list(_APOSTROPHES.finditer(line))
    lengths = [len(match[0]) for match in matches]
    kept = [_TEXT_APOSTROPHES.get(length, length - 5) for length in lengths]
    bold = sum(length > 2 for length in lengths)
    italic = sum(length == 2 or length > 4 for length in lengths)
    only_bold = [index for index, length in enumerate(lengths) if length in {3, 4}]
    if bold % 2 and italic % 2 and only_bold:
        kept[min(only_bold, key=lambda index: _rank(line[: matches[index].start()]))] += 1
    pieces, end = [], 0
    for match, count in zip(matches, kept, strict=True):
        pieces += [line[end : match.start()], "'" * count]
        end = match.end()
    return "".join(pieces) + line[end:]


def _rank(before: str) -> int:
    """Rank the text before three apostrophes: one is text most likely after a lone letter."""
    if before[-1:] in {"", " "}:
        return 2
    return 0 if before[-2:-1] == " " else 1
