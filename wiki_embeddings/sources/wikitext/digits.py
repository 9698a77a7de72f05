"""Numbers as a reader sees them: grouped digits, superscripts."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.page import locale_of

_NUMBER = re.compile(r"([-−+]?)([0-9]{1,30})((?:\.[0-9]+)?)")
_HAS_SUPERSCRIPT = re.compile(r"[0-9+\-−=()n]+")
_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_SPACED = {"es", "it", "pt"}
"""Languages whose wikis group digits by spaces, where CLDR uses points."""

_UNGROUPED = {"bg", "ca", "es", "it", "pl", "pt"}
"""Languages that do not separate a single digit from the last three: 1234, but 12 345."""


def superscript(text: str) -> str:
    """Raise digits and signs (`10⁻³`, `Na⁺`); return text with any other character unchanged."""
    stripped = text.strip()
    return stripped.translate(_SUPERSCRIPTS) if _HAS_SUPERSCRIPT.fullmatch(stripped) else text


def group_digits(number: str, language: str = "en") -> str:
    """Write a plain decimal number as a language does; only strip any other text.

    `1234567.8` becomes `1,234,567.8` in English, `1.234.567,8` in German.
    """
    match = _NUMBER.fullmatch(number.strip())
    if not match:
        return number.strip()
    sign, whole, decimals = match.groups()
    whole = str(int(whole))
    point, comma = ".", ","
    if language != "en":
        symbols = locale_of(language).number_symbols.get("latn", {})
        point, comma = symbols.get("decimal", "."), symbols.get("group", ",")
    if language in _SPACED:
        comma = "\xa0"
    if language in _UNGROUPED and len(whole) <= 4:
        comma = ""
    size = 2 if language in _PAIRS else 3
    head, groups = whole[:-3], [whole[-3:]]
    while head:
        groups.insert(0, head[-size:])
        head = head[:-size]
    return f"{sign.replace('-', '−')}{comma.join(groups)}{decimals.replace('.', point)}"


_PAIRS = {"as", "bn", "gu", "hi", "kn", "ml", "mr", "or", "pa", "ta", "te"}
"""Languages of India, which group the digits above a thousand by two."""
