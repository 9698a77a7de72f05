"""Quantities with units, as {{convert}} shows them, without the conversion."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    positional,
)
from wiki_embeddings.sources.wikitext.templates.numbers import in_words

_RANGES = {
    "-": "–", "–": "–", "to": " to ", "to(-)": " to ", "to-": " to ", "to about": " to about ",
    "and": " and ", "and(-)": " and ", "&": " and ", "or": " or ", "by": " by ", "x": " × ",
    "×": " × ", "xx": " × ", "*": " × ", "+/-": " ± ", "±": " ± ", "+": " + ", ",": ", ",
    ", and": ", and ", ", or": ", or ", "and about": " and about ", "up to": " up to ", "/": "/",
    "till": " till ", "а": "–", "a": " a ", "à": " à ", "bis": " bis ", "до": " до ",
}  # fmt: skip
"""Words between two quantities of one unit, and what a reader sees."""

_WORDS = {
    "acre": ("acre", "acres"), "acres": ("acre", "acres"), "carat": ("carat", "carats"),
    "nmi": ("nautical mile", "nautical miles"), "fathom": ("fathom", "fathoms"),
    "furlong": ("furlong", "furlongs"), "league": ("league", "leagues"), "hand": ("hand", "hands"),
    "USgal": ("US gallon", "US gallons"), "impgal": ("imperial gallon", "imperial gallons"),
    "U.S.gal": ("US gallon", "US gallons"), "gal": ("gallon", "gallons"),
    "oilbbl": ("barrel", "barrels"), "oilbbl/d": ("barrel per day", "barrels per day"),
    "bbl": ("barrel", "barrels"), "LT": ("long ton", "long tons"), "ST": ("short ton",
    "short tons"),
    "MT": ("metric ton", "metric tons"), "t": ("tonne", "tonnes"), "tonne": ("tonne", "tonnes"),
    "ton": ("ton", "tons"), "foot": ("foot", "feet"), "feet": ("foot", "feet"),
    "mile": ("mile", "miles"), "yard": ("yard", "yards"), "inch": ("inch", "inches"),
    "meter": ("meter", "meters"), "metre": ("metre", "metres"), "pound": ("pound", "pounds"),
    "ounce": ("ounce", "ounces"), "gallon": ("gallon", "gallons"), "knot": ("knot", "knots"),
    "kn": ("knot", "knots"), "hectare": ("hectare", "hectares"), "liter": ("liter", "liters"),
    "litre": ("litre", "litres"), "USpt": ("US pint", "US pints"), "USqt": ("US quart",
    "US quarts"),
    "PD/sqmi": ("person per square mile", "people per square mile"),
    "PD/km2": ("person per square kilometre", "people per square kilometre"),
    "/sqmi": ("per square mile", "per square mile"), "/km2": ("per square kilometre",) * 2,
    "stone": ("stone", "stone"), "ly": ("light-year", "light-years"), "pc": ("parsec", "parsecs"),
    "AU": ("astronomical unit", "astronomical units"), "au": ("astronomical unit",
    "astronomical units"),
    "day": ("day", "days"), "hour": ("hour", "hours"), "bushel": ("bushel", "bushels"),
}  # fmt: skip
"""Singular and plural of the units whose names are written out."""

_SIGNS = {
    "C": "°C", "F": "°F", "K": "K", "degC": "°C", "degF": "°F", "°C": "°C", "°F": "°F",
    "C-change": "°C", "F-change": "°F", "C-diff": "°C", "F-diff": "°F", "celsius": "°C",
    "km2": "km²", "m2": "m²", "cm2": "cm²", "mm2": "mm²", "sqkm": "km²", "sqm": "m²", "km3": "km³",
    "m3": "m³", "cm3": "cm³", "dm3": "dm³", "mi2": "sq mi", "sqmi": "sq mi", "sqft": "sq ft",
    "ft2": "sq ft", "sqyd": "sq yd", "sqin": "sq in", "in2": "sq in", "ft3": "cu ft",
    "cuft": "cu ft",
    "cuin": "cu in", "cumi": "cu mi", "cuyd": "cu yd", "in3": "cu in", "m/s2": "m/s²",
    "ft/s2": "ft/s²",
    "kg/m3": "kg/m³", "kg/m2": "kg/m²", "g/cm3": "g/cm³", "m3/s": "m³/s", "cuft/s": "cu ft/s",
    "um": "μm", "μm": "μm", "ug": "μg", "lbf.ft": "lbf⋅ft", "lb.ft": "lb⋅ft", "lbft": "lb⋅ft",
    "Nm": "N⋅m",
    "N.m": "N⋅m", "kW.h": "kWh", "kn.m": "kN⋅m", "W/m2": "W/m²", "kmh": "km/h", "kph": "km/h",
    "mpg-us": "mpg‑US",
    "L/100 km": "L/100 km", "mpgus": "mpg‑US", "mpgimp": "mpg‑imp", "USfloz": "US fl oz",
    "impfloz": "imp fl oz",
    "H/km2": "/km²", "tonne/ha": "t/ha", "lbs": "lb", "hp-metric": "PS", "bhp": "bhp",
}  # fmt: skip
"""Unit codes of {{convert}} that differ from what a reader sees."""

_LONG = {
    "km": "kilometre", "m": "metre", "cm": "centimetre", "mm": "millimetre", "kg": "kilogram",
    "g": "gram", "mi": "mile", "ft": "foot", "in": "inch", "yd": "yard", "lb": "pound",
    "oz": "ounce",
    "ha": "hectare", "L": "litre", "C": "degree Celsius", "F": "degree Fahrenheit",
    "hp": "horsepower",
    "st": "stone", "nmi": "nautical mile", "acre": "acre", "t": "tonne", "MW": "megawatt",
    "J": "joule",
    "kPa": "kilopascal", "psi": "pound per square inch", "m3": "cubic metre", "cuft": "cubic foot",
    "ft2": "square foot", "mi2": "square mile", "cuin": "cubic inch", "cc": "cubic centimetre",
    "cm3": "cubic centimetre", "ml": "millilitre", "mL": "millilitre", "l": "litre",
    "sqyd": "square yard",
    "mph": "mile per hour", "km/h": "kilometre per hour", "km2": "square kilometre",
    "sqmi": "square mile", "m2": "square metre", "sqft": "square foot", "kW": "kilowatt",
}  # fmt: skip
"""Names of units that {{convert}} abbreviates only with `abbr`, for {{convert|…|abbr=off}}."""

_ADJECTIVES = {"on", "mid", "pre", "adj"}
_ALL_WORDS = frozenset(
    [singular for singular, _ in _WORDS.values()]
    + [
        name.replace("metre", spelling)
        for name in _LONG.values()
        for spelling in ("metre", "meter")
    ]
    + [f"million {name}" for name in _LONG.values()]
)

_MULTIPLES = {
    "e3": "thousand", "e6": "million", "e9": "billion", "e12": "trillion", "k": "thousand",
    "M": "million", "G": "billion", "T": "trillion",
}  # fmt: skip
_MULTIPLE = re.compile(r"(e3|e6|e9|e12|[kMGT](?=oilbbl|USgal|cuft))(.+)")
_SMALLER_UNITS = {
    "ft": "in",
    "yd": "ft",
    "lb": "oz",
    "st": "lb",
    "mi": "yd",
    "foot": "in",
    "LT": "cwt",
}
_NUMBER = re.compile(r"[-−+]?[\d.,/+]*\d[\d.,/+]*")
_IRREGULAR = {"foot": "feet", "inch": "inches", "horsepower": "horsepower"}


def quantity(arguments: Arguments) -> str:
    """Show the quantity that {{convert}} is given, without converting it: `55 to 80 cm`.

    Args:
        arguments: Positional: quantities and the words between them, then the unit. `adj=on` makes
            an adjective of it, `5-foot`, to which `adj=mid` adds the last argument, `5-foot-tall`.
    """
    first, *words = positional(arguments) or [""]
    amount, words = _add_ranges(_number(first, arguments), words, arguments)
    if not words:
        return amount
    unit, *rest = words
    number = first if amount == _number(first, arguments) else ""
    name = _name(unit, number, arguments)
    is_adjective = arguments.get("adj") in _ADJECTIVES
    if is_adjective and _is_word(name):
        amount, name = re.sub(" (to|by|or|and) ", r"-\1-", amount), f"-{name.replace(' ', '-')}"
    elif name[:1] not in {"/", "%"}:
        name = f" {name}"
    shown = amount + name
    if len(rest) > 1 and _SMALLER_UNITS.get(unit) == rest[1]:
        smaller = _name(rest[1], rest[0], arguments)
        joint = "-" if is_adjective and _is_word(smaller) else " "
        shown += f"{joint}{_number(rest[0], arguments)}{joint}{smaller}"
        rest = rest[2:]
    if arguments.get("adj") == "mid" and rest and (rest[-1][:1] == "-" or len(rest) > 1):
        shown += rest[-1] if rest[-1][:1] == "-" else f" {rest[-1]}"
    return shown


def _is_word(name: str) -> bool:
    """Whether a unit is a word and not a symbol: `5-acre`, but `5 km`."""
    return len(name) > 2 and name[-2:].isalpha() and name[0].isalpha() and name in _ALL_WORDS


def _number(text: str, arguments: Arguments) -> str:
    """Group the digits, and write `1+1/2` as a reader sees it."""
    if arguments.get("spell") and text.isdecimal():
        return in_words(Arguments({"1": text}, arguments.page))
    if "/" in text:
        return text.replace("//", "/").replace("+", " ").replace("&", " ").strip()
    text = text.replace("&minus;", "-")
    return group_digits(text.replace(",", "") if _NUMBER.fullmatch(text) else text,
                        arguments.page.language)  # fmt: skip


def _add_ranges(amount: str, words: list[str], arguments: Arguments) -> tuple[str, list[str]]:
    """Add the ranges before the unit, as in `55|to|80|cm|in`, and return the words after them."""
    while len(words) > 1 and (words[0] in _RANGES or _is_range(words)):
        joint = _RANGES.get(words[0], f" {words[0]} ")
        amount += joint + _number(words[1], arguments)
        words = words[2:]
    return amount, words


def _is_range(words: list[str]) -> bool:
    """Whether an unknown word joins two quantities: a number and its unit follow."""
    return (
        len(words) > 2
        and bool(_NUMBER.fullmatch(words[1]))
        and words[0] not in _SMALLER_UNITS
        and words[0] not in _SIGNS
        and words[0] not in _WORDS
        and not _NUMBER.fullmatch(words[2])
        and words[0] not in _LONG
    )


def _name(code: str, number: str, arguments: Arguments) -> str:
    """Return what a reader sees of a unit; `number` decides between singular and plural."""
    is_adjective = arguments.get("adj") in _ADJECTIVES
    if match := _MULTIPLE.fullmatch(code):
        return f"{_MULTIPLES[match[1]]} {_name(match[2], '', arguments)}"
    if code in _WORDS:
        singular, plural = _WORDS[code]
        return singular if is_adjective or number.strip("-−") in {"1", "1.0"} else plural
    if code in _LONG and _is_written_out(arguments):
        return _long_name(_LONG[code], arguments, is_singular=is_adjective or number == "1")
    return _SIGNS.get(code, code)


def _is_written_out(arguments: Arguments) -> bool:
    """Whether the unit's name is written out, as {{convert}} does for an adjective."""
    is_adjective = arguments.get("adj") in _ADJECTIVES
    abbreviation = arguments.get("abbr")
    is_short = abbreviation in {"on", "in", "values", "~"}
    return bool(arguments.get("spell") or abbreviation == "off" or (is_adjective and not is_short))


def _long_name(name: str, arguments: Arguments, *, is_singular: bool) -> str:
    if arguments.get("sp") == "us":
        name = name.replace("metre", "meter").replace("litre", "liter")
    if is_singular:
        return name
    head, per, tail = name.partition(" per ")
    adjective, space, noun = head.rpartition(" ")
    if head.startswith("degree "):
        return head.replace("degree", "degrees")
    return f"{adjective}{space}{_plural(noun)}{per}{tail}"


def _plural(name: str) -> str:
    return _IRREGULAR.get(name, name + "s")


def height(arguments: Arguments) -> str:
    """`6 ft 1 in` for {{height|ft=6|in=1}}, `1.85 m` for {{height|m=1.85}}."""
    units = ["m", "cm", "ft", "in", "st", "lb", "kg", "oz"]
    return " ".join(f"{arguments[unit]} {unit}" for unit in units if arguments.get(unit))


_PREFIXED = {"km to mi": "km", "mi to km": "mi", "m to ft": "m", "ft to m": "ft", "kg to lb": "kg",
             "in to cm": "in", "cm to in": "cm", "lb to kg": "lb", "c to f": "°C", "f to c": "°F",
             "km2 to mi2": "km²", "acre to ha": "acres", "ha to acre": "ha"}  # fmt: skip


def _with_unit(unit: str) -> Expansion:
    return lambda arguments: (
        f"{_number(arguments['1'], arguments)} {unit}" if arguments.get("1") else ""
    )


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["convert", "cvt", "convertir", "conv", "converter", "convert2", "umrechnen"], quantity
    ),
    **dict.fromkeys(["height", "weight", "body height", "body weight"], height),
    **{name: _with_unit(unit) for name, unit in _PREFIXED.items()},
    **dict.fromkeys(["railgauge", "track gauge", "rail gauge"], argument("1")),
}
