"""Characters that carry notes from one step of the conversion to the next.

Unicode sets its noncharacters aside for a program's own use; they never stand in a text that is
exchanged, so a note cannot be mistaken for content. `without_marks` makes sure of it.
"""

from __future__ import annotations

import re

HOLE = "\ufdd0"
"""Something within a line was taken out here; the space and punctuation around it need mending."""

CITATION = "\ufdd5"
"""A hole where a work was cited: whatever else its line says about the work goes with it."""

ITEM = "\ufdd1"
"""Stands where a list marker stood: a line with nothing else on it goes entirely."""

BREAK = "\ufdd2"
"""A new line."""

PARAGRAPH = "\ufdd3"
"""A new paragraph."""

HEADING = "\ufdd4"
"""Begins the line of a heading; its level follows as one digit, then its title."""

_SHIELD = 0xF0000  # plane 15 is for private use: ASCII character c is hidden as _SHIELD + c
_SPECIAL = [code for code in range(0x21, 0x7F) if not chr(code).isalnum()]
_HIDE_SPECIAL = {code: _SHIELD + code for code in _SPECIAL}
_HIDE_ALL = {code: _SHIELD + code for code in [*_SPECIAL, *map(ord, " \t\n")]}
_SHOW = {hidden: code for code, hidden in _HIDE_ALL.items()}
_MARKS = re.compile("[\ufdd0-\ufdef\U000f0000-\U000f007f]")


def without_marks(text: str) -> str:
    """Removes from a text that comes from outside the characters that this module uses."""
    return _MARKS.sub("", text)


def shield(text: str) -> str:
    """Hides ASCII punctuation, so that no later step takes it for markup."""
    return text.translate(_HIDE_SPECIAL)


def shield_layout(text: str) -> str:
    """Hides ASCII punctuation, spaces and line ends, as preformatted text needs."""
    return text.translate(_HIDE_ALL)


def unshield(text: str) -> str:
    """Shows again what `shield` and `shield_layout` hid."""
    return text.translate(_SHOW)
