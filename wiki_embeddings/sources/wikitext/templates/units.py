"""Measures as {{convert}} shows them, without the conversion."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.digits import grouped
from wiki_embeddings.sources.wikitext.templates.expansions import Arguments, positional

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
_SMALLER_UNITS = {"ft": "in", "yd": "ft", "lb": "oz", "st": "lb", "mi": "yd"}


def measure(arguments: Arguments) -> str:
    """Shows the quantity that {{convert}} is given, without converting it: `55 to 80 cm`.

    Args:
        arguments: The template's arguments: quantities and what joins them, then the unit.
    """
    first, *words = positional(arguments) or [""]
    quantity, words = _with_range(grouped(first), words)
    if not words:
        return quantity
    unit, *rest = words
    if len(rest) > 1 and _SMALLER_UNITS.get(unit) == rest[1]:
        return f"{quantity} {_unit(unit)} {grouped(rest[0])} {_unit(rest[1])}"
    return f"{quantity} {_unit(unit)}"


def _with_range(quantity: str, words: list[str]) -> tuple[str, list[str]]:
    """Adds what the words before the unit say, as in `55|to|80|cm|in`, and gives the words left."""
    while len(words) > 1 and words[0] in _RANGES:
        quantity += _RANGES[words[0]] + grouped(words[1])
        words = words[2:]
    return quantity, words


def _unit(code: str) -> str:
    if multiple := _MULTIPLE.fullmatch(code):
        return f"{_MULTIPLES[multiple[1]]} {_unit(multiple[2])}"
    return _UNITS.get(code, code)
