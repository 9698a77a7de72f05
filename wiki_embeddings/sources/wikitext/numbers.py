"""Numbers and measures as templates write them out."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(r"[-−+]?(\d+)((?:\.\d+)?)")
_QUANTITY = re.compile(r"[-−+±]?[\d.,]+(?:[+⁄/][\d⁄/]+)?(?:e[-−+]?\d+)?", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")

_RANGES = {
    "-": "–",
    "–": "–",
    "to": " to ",
    "to(-)": " to ",
    "and": " and ",
    "and(-)": " and ",
    "or": " or ",
    "by": " by ",
    "x": " × ",
    "×": " × ",
    "+/-": " ± ",
    "±": " ± ",
}
"""What joins two quantities of one measure, and how it is shown."""

_UNITS = {
    "C": "°C",
    "F": "°F",
    "C-change": "°C",
    "F-change": "°F",
    "km2": "km²",
    "m2": "m²",
    "cm2": "cm²",
    "mi2": "sq mi",
    "sqmi": "sq mi",
    "sqft": "sq ft",
    "ft2": "sq ft",
    "km3": "km³",
    "m3": "m³",
    "cm3": "cm³",
    "ft3": "cu ft",
    "cuft": "cu ft",
    "acre": "acres",
    "carat": "carats",
    "nmi": "nautical miles",
    "USgal": "US gallons",
    "impgal": "imperial gallons",
    "oilbbl": "barrels",
    "oilbbl/d": "barrels per day",
    "LT": "long tons",
    "ST": "short tons",
    "MT": "metric tons",
    "PD/sqmi": "people per square mile",
    "PD/km2": "people per square kilometre",
}
"""Unit codes of {{convert}} that are not what a reader sees."""

_MULTIPLES = {
    "e3": "thousand",
    "e6": "million",
    "e9": "billion",
    "e12": "trillion",
    "k": "thousand",
    "M": "million",
    "G": "billion",
    "T": "trillion",
}
_MULTIPLE = re.compile(r"(e3|e6|e9|e12|[kMGT](?=oilbbl|USgal|cuft))(.+)")
_SMALLER_UNIT = {"ft": "in", "yd": "ft", "lb": "oz", "st": "lb", "mi": "yd"}


def superscript(text: str) -> str:
    """Raises digits and signs (`10⁻³`, `Na⁺`); a text with anything else in it stays as it is."""
    raised = text.strip().translate(_SUPERSCRIPTS)
    return (
        text if any(sign.isascii() or sign.isalpha() and sign != "ⁿ" for sign in raised) else raised
    )


def grouped(number: str) -> str:
    """Groups the digits of a plain decimal number by commas; any other text stays as it is."""
    found = _NUMBER.fullmatch(number.strip())
    if not found:
        return number.strip()
    sign = "−" if number.strip()[0] in "-−" else ""
    return f"{sign}{int(found[1]):,}{found[2]}"


def measure(arguments: Mapping[str, str]) -> str:
    """Shows the quantity that {{convert}} is given, without converting it: `55 to 80 cm`.

    Args:
        arguments: The template's arguments: quantities and what joins them, then the unit.
    """
    words = [arguments.get(str(position), "").strip() for position in range(1, 7)]
    shown, rest = _quantities(words)
    if not rest or not rest[0]:
        return shown
    unit, *after = rest
    shown = f"{shown} {_unit(unit)}"
    if after[1:] and _SMALLER_UNIT.get(unit) == after[1]:
        shown = f"{shown} {grouped(after[0])} {_unit(after[1])}"
    return shown


def _quantities(words: list[str]) -> tuple[str, list[str]]:
    """Splits `55|to|80|cm|in` into what it shows of its quantities and the words after them."""
    shown, rest = grouped(words[0]), words[1:]
    while len(rest) > 1 and rest[0] in _RANGES and _QUANTITY.fullmatch(rest[1]):
        shown += _RANGES[rest[0]] + grouped(rest[1])
        rest = rest[2:]
    return shown, rest


def _unit(code: str) -> str:
    if multiple := _MULTIPLE.fullmatch(code):
        return f"{_MULTIPLES[multiple[1]]} {_unit(multiple[2])}"
    return _UNITS.get(code, code)
