"""Mends a line where something was taken out of it.

Only there: an author's own `f()` or ` , ` is no business of this module.
"""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.markers import HOLE

_BRACKETS = re.compile(r"\(([^()\n]*)\)")
_LEFT_OVER = [
    "also", "and", r"cf\.", r"e\.g\.", "IPA", "listen", "named", "or", "pronounced",
    "pronunciation", "see", "UK", "US", "years ago", rf"[\s/:{HOLE}]",
]  # fmt: skip
_EMPTY_PART = re.compile(
    rf"(?:{'|'.join(_LEFT_OVER)})*"  # what went was a pronunciation, an age, a reference
    rf"|\s*[$£€]{HOLE}.*",  # or a sum of money
    re.IGNORECASE,
)


def close_holes(line: str) -> str:
    """Removes each hole with the spaces, separators and brackets that have lost their use.

    `Albedo (HOLE; from HOLE, Latin HOLE) is` becomes `Albedo (Latin) is`.
    """
    if HOLE not in line:
        return line
    text, *pieces = _BRACKETS.sub(_mend_brackets, line).split(HOLE)
    for piece in pieces:
        text = _join(text, piece)
    return text


def _mend_brackets(brackets: re.Match[str]) -> str:
    """Takes out of a bracket each part, up to `,` or `;`, that has nothing to say any more."""
    if HOLE not in brackets[1]:
        return brackets[0]
    first, *rest = re.split("([,;])", brackets[1])
    parts = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
    kept = [part for part in parts if not _EMPTY_PART.fullmatch(part[1])]
    if not kept:
        return HOLE
    inner = "".join(separator + text for separator, text in kept)
    return f"({inner.strip(' ,;')})"


def _join(left: str, right: str) -> str:
    """Joins what stands on both sides of a hole."""
    before, after = left.rstrip(" "), right.lstrip(" ")
    spaced = before != left or after != right
    if not before:
        return after.lstrip(" ,;:.–—")
    if before[-1] in "([":
        return before + after.lstrip(" ,;:")
    if after[:1] in set(")],;:."):
        before = before.rstrip(" ,;:")
        return before + (after[1:] if before[-1:] == after[:1] == "." else after)
    return before + " " * (spaced and after[:1] not in set("!?")) + after
