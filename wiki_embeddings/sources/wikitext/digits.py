"""Numbers as a reader sees them."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([-−+]?)([0-9]{1,30})((?:\.[0-9]+)?)")
_RAISABLE = re.compile(r"[0-9+\-−=()n]+")
_RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")


def superscript(text: str) -> str:
    """Raises digits and signs (`10⁻³`, `Na⁺`); text with anything else in it stays as it is."""
    return text.strip().translate(_RAISED) if _RAISABLE.fullmatch(text.strip()) else text


def grouped(number: str) -> str:
    """Groups the digits of a plain decimal number by commas; any other text stays as it is."""
    found = _NUMBER.fullmatch(number.strip())
    if not found:
        return number.strip()
    sign, whole, decimals = found.groups()
    return f"{sign.replace('-', '−')}{int(whole):,}{decimals}"
