"""Quantities with units, as {{convert}} shows them, without the conversion."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    positional,
)

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
"""Words between two quantities of one unit, and what a reader sees."""

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
"""Unit codes of {{convert}} that differ from what a reader sees."""

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


def quantity(arguments: Arguments) -> str:
    """Show the quantity that {{convert}} is given, without converting it: `55 to 80 cm`.

    Args:
        arguments: Positional: quantities and the words between them, then the unit.
    """
    first, *words = positional(arguments) or [""]
    amount, words = _add_ranges(group_digits(first), words)
    if not words:
        return amount
    unit, *rest = words
    if len(rest) > 1 and _SMALLER_UNITS.get(unit) == rest[1]:
        return f"{amount} {_unit_name(unit)} {group_digits(rest[0])} {_unit_name(rest[1])}"
    return f"{amount} {_unit_name(unit)}"


def _add_ranges(amount: str, words: list[str]) -> tuple[str, list[str]]:
    """Add the ranges before the unit, as in `55|to|80|cm|in`, and return the words after them."""
    while len(words) > 1 and words[0] in _RANGES:
        amount += _RANGES[words[0]] + group_digits(words[1])
        words = words[2:]
    return amount, words


def _unit_name(code: str) -> str:
    if match := _MULTIPLE.fullmatch(code):
        return f"{_MULTIPLES[match[1]]} {_unit_name(match[2])}"
    return _UNITS.get(code, code)


TEMPLATES: dict[str, Expansion] = dict.fromkeys(["convert", "cvt"], quantity)
