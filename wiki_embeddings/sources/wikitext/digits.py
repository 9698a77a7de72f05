"""Numbers as a reader sees them: grouped digits, superscripts."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([-−+]?)([0-9]{1,30})((?:\.[0-9]+)?)")
_HAS_SUPERSCRIPT = re.compile(r"[0-9+\-−=()n]+")
_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")


def superscript(text: str) -> str:
    """Raise digits and signs (`10⁻³`, `Na⁺`); return text with any other character unchanged."""
    stripped = text.strip()
    return stripped.translate(_SUPERSCRIPTS) if _HAS_SUPERSCRIPT.fullmatch(stripped) else text


def group_digits(number: str) -> str:
    """Separate the thousands of a plain decimal number by commas; only strip any other text."""
    match = _NUMBER.fullmatch(number.strip())
    if not match:
        return number.strip()
    sign, whole, decimals = match.groups()
    return f"{sign.replace('-', '−')}{int(whole):,}{decimals}"
