"""Marker characters that carry notes from one step of the conversion to the next.

Like MediaWiki's strip markers they stand in for something that a later step handles. Unicode
reserves its noncharacters for a program's internal use; text that is exchanged never contains
them, so a marker cannot be mistaken for content. `remove_markers` makes sure of it.
"""

from __future__ import annotations

import re

REMOVED = "\ufdd0"
"""Something within a line was removed here; the spaces and punctuation around it need repair."""

HOLE = "\ufdd6"
"""A template without text stood here: perhaps a word of the sentence, perhaps only a note."""

ASIDE_START, ASIDE_END = "\ufdd7", "\ufdd8"
"""Enclose the argument of an unknown template: text within a line, nothing alone on one."""

CITATION = "\ufdd5"
"""A citation was removed here; what else its line says about the cited work goes with it."""

LIST_ITEM = "\ufdd1"
"""Replaces a list marker: a line with nothing else on it is dropped."""

LINE_BREAK = "\ufdd2"
"""A new line."""

PARAGRAPH_BREAK = "\ufdd3"
"""A new paragraph."""

HEADING = "\ufdd4"
"""Begins the line of a heading; its level follows as one digit, then its title."""

_PROTECTED = 0xF0000  # plane 15 is for private use: ASCII character c becomes _PROTECTED + c
_PUNCTUATION = [code for code in range(0x21, 0x7F) if not chr(code).isalnum()]
_PROTECT = {code: _PROTECTED + code for code in _PUNCTUATION}
_PROTECT_LAYOUT = _PROTECT | {code: _PROTECTED + code for code in map(ord, " \t\n")}
_RESTORE = {protected: code for code, protected in _PROTECT_LAYOUT.items()}
_PROTECTED_RUN = re.compile("[\U000f0000-\U000f007f]+")  # few: translating it all takes longer
_MARKERS = re.compile("[\ufdd0-\ufdef\U000f0000-\U000f007f]")


def remove_markers(text: str) -> str:
    """Remove the characters that this module uses from a text that comes from outside."""
    return _MARKERS.sub("", text)


def protect(text: str) -> str:
    """Replace ASCII punctuation, so that no later step takes it for markup."""
    return text.translate(_PROTECT)


def protect_layout(text: str) -> str:
    """Replace ASCII punctuation, spaces and line ends, for preformatted text."""
    return text.translate(_PROTECT_LAYOUT)


def restore(text: str) -> str:
    """Undo `protect` and `protect_layout`."""
    return _PROTECTED_RUN.sub(lambda run: run[0].translate(_RESTORE), text)
