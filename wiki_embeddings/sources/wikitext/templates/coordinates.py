"""Templates for places: on the Earth and in the sky."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    positional,
)

_NUMBER = re.compile(r"[-−+]?\d+(?:\.\d+)?")
_DIRECTIONS = {"N", "S", "E", "W", "O"}


def coordinates(arguments: Arguments) -> str:
    """`13°19′N 169°9′W`; nothing for those that appear only beside the page's title."""
    if arguments.get("display") in {"title", "t", "it"} and arguments["display"] != "it":
        return ""
    words = positional(arguments)
    if not _DIRECTIONS.intersection(words):
        return _signed_decimals(words)
    text = ""
    angle: list[str] = []
    for word in words:
        if word in _DIRECTIONS:
            text += "".join(map("".join, zip(angle, "°′″", strict=False))) + word + " "
            angle = []
        elif word:
            angle.append(word)
    return text.strip()


def _signed_decimals(words: list[str]) -> str:
    """`51.5°N 0.1°W` for `51.5|-0.1`."""
    numbers = words[:2]
    if len(numbers) < 2 or not all(map(_NUMBER.fullmatch, numbers)):
        return ""
    shown = []
    for number, directions in zip(numbers, ("NS", "EW"), strict=True):
        size = number.lstrip("-−+")
        shown.append(f"{size}°{directions[number[0] in '-−']}")
    return " ".join(shown)


def right_ascension(arguments: Arguments) -> str:
    """`12h 34m 56.7s`."""
    parts = zip(positional(arguments), "hms", strict=False)
    return " ".join(value + unit for value, unit in parts if value)


def declination(arguments: Arguments) -> str:
    """`+12° 34′ 56″`."""
    parts = zip(positional(arguments), "°′″", strict=False)
    return " ".join(value.replace("-", "−") + unit for value, unit in parts if value)


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["coor", "coord", "coor dms", "coor dm", "coor d", "koord", "座標"], coordinates
    ),
    **dict.fromkeys(["ra", "right ascension"], right_ascension),
    **dict.fromkeys(["dec", "declination", "deg2dms", "dms", "dm"], declination),
    "gcoord": argument("1"),
}
