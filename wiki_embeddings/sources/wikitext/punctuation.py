"""Repairs the punctuation of a line where something was removed from it.

Only there: an author's own `f()` or ` , ` stays.
"""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.markers import REMOVED

_BRACKETS = re.compile(r"\(([^()\n]*)\)")
_LEFT_OVER = [
    "also", "and", r"b\.", "born", r"c\.", r"ca\.", r"cf\.", r"d\.", "died", r"e\.g\.", "from",
    "IPA", "listen", "named", "on", "or", "pronounced", "pronunciation", "see", "to", "UK", "US",
    "years ago", "aged?", "years old",
    "about", "approximately", "equivalent", "today", "worth", "Stand", "in", "of", "as", "the",
    "geboren", "gestorben", r"geb\.", r"gest\.", "am", "né", "née", "morte?", "le", "nacid[oa]",
    "murió", "fallecid[oa]", "nascid[oa]", "nat[oa]", "el", "ur[.]", r"zm\.", "född", "död", r"f\.",
    r"род\.", r"ум\.", "родился", "родилась", "ولد", "توفي", "जन्म", "生於", "生于", "出生",
    "[*†∗+]",
    rf"[-–—\s/:.{REMOVED}]",
]  # fmt: skip
_OPEN_END = re.compile(rf"^\s*{REMOVED}\s*[-–—]\s*|\s*[-–—]\s*{REMOVED}\s*$")
"""A range of which one end was removed."""

_LETTER = re.compile(r"\w")
_EMPTY_PART = re.compile(
    rf"(?:{'|'.join(_LEFT_OVER)})*"  # a pronunciation, a date, an age or a reference was removed
    rf"|\s*(?:[A-Z]+)?[$£€¥₹]\s?{REMOVED}.*",  # or a sum of money
    re.IGNORECASE,
)


def repair_punctuation(line: str) -> str:
    """Drop each `REMOVED` marker with the spaces, separators and brackets that it leaves useless.

    `Albedo (REMOVED; from REMOVED, Latin REMOVED) is` becomes `Albedo (Latin) is`.
    """
    if REMOVED not in line:
        return line
    text, *pieces = _BRACKETS.sub(_repair_brackets, line).split(REMOVED)
    for piece in pieces:
        text = _join(text, piece)
    return text


def _repair_brackets(brackets: re.Match[str]) -> str:
    """Drop the parts of a bracket, separated by `,` or `;`, that no longer say anything."""
    if REMOVED not in brackets[1]:
        return brackets[0]
    first, *rest = re.split("([,;])", brackets[1])
    parts = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
    kept = [part for part in parts if not _is_empty(part[1])]
    kept = [(separator, _OPEN_END.sub("", text)) for separator, text in kept]
    if not kept:
        return REMOVED
    inner = "".join(separator + text for separator, text in kept)
    return f"({inner.strip(' ,;')})"


def _is_empty(part: str) -> bool:
    """Whether a part has nothing but words about what was removed from it."""
    return bool(_EMPTY_PART.fullmatch(part)) and (REMOVED in part or not _LETTER.search(part))


def _join(left: str, right: str) -> str:
    """Join the text on both sides of a removal."""
    before, after = left.rstrip(" "), right.lstrip(" ")
    is_spaced = before != left or after != right
    if not before:
        return after.lstrip(" ,;:.–—，、；：。")
    if before[-1] in "([":
        return before + after.lstrip(" ,;:")
    if after[:1] in set(")],;:."):
        before = before.rstrip(" ,;:")
        return before + (after[1:] if before[-1:] == after[:1] == "." else after)
    return before + " " * (is_spaced and after[:1] not in set("!?")) + after
