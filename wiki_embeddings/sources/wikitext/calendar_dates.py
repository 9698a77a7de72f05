"""Dates as templates are given them, and as the wiki's language writes them."""

from __future__ import annotations

import re
from datetime import date

from babel.dates import format_date

from wiki_embeddings.sources.wikitext.page import locale_of

_ISO = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?(?:[T ].*)?")
_DAY_FIRST = re.compile(r"(\d{1,2})\.? +(?:de +)?([^\W\d_]{3,})\.?,? +(?:de +)?(\d{1,4})")
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,})\.? +(\d{1,2}),? +(\d{1,4})")

_DEFAULT = ("d MMMM y", "LLLL y", "d MMMM")
_PATTERNS = {
    "en": ("d MMMM y", "MMMM y", "d MMMM"),
    "de": ("d. MMMM y", "MMMM y", "d. MMMM"),
    "es": ("d 'de' MMMM 'de' y", "MMMM 'de' y", "d 'de' MMMM"),
    "pt": ("d 'de' MMMM 'de' y", "MMMM 'de' y", "d 'de' MMMM"),
    "ca": ("d MMMM 'de' y", "MMMM 'de' y", "d MMMM"),
    "ja": ("y年M月d日", "y年M月", "M月d日"),
    "zh": ("y年M月d日", "y年M月", "M月d日"),
    "ko": ("y년 M월 d일", "y년 M월", "M월 d일"),
    "hu": ("y. MMMM d.", "y. MMMM", "MMMM d."),
    "cs": ("d. MMMM y", "LLLL y", "d. MMMM"),
    "da": ("d. MMMM y", "MMMM y", "d. MMMM"),
    "fi": ("d. MMMM y", "LLLL y", "d. MMMM"),
    "nb": ("d. MMMM y", "MMMM y", "d. MMMM"),
}
"""CLDR patterns for a day, a month and a day without its year; the English order for the others."""


def parse_date(text: str) -> date | None:
    """Read a whole date in ISO 8601 or in English words."""
    text = text.strip()
    if match := _ISO.fullmatch(text):
        return make_date(match[1], match[2], match[3] or "1")
    if match := _DAY_FIRST.fullmatch(text):
        return make_date(match[3], match[2], match[1])
    if match := _MONTH_FIRST.fullmatch(text):
        return make_date(match[3], match[1], match[2])
    return None


def make_date(year: str, month: str, day: str) -> date | None:
    """Make a date of digits, the month perhaps an English name; None if there is no such day."""
    try:
        return date(int(year), month_number(month), int(day))
    except ValueError:
        return None


def month_number(text: str, language: str = "en") -> int:
    """Return the number of a month that is given as digits or by its name; 0 for anything else."""
    text = text.strip().lower()
    if text.isascii() and text.isdigit() and len(text) <= 2:
        return int(text) if 1 <= int(text) <= 12 else 0
    for code in dict.fromkeys((language, "en")):
        names = locale_of(code).months["format"]["wide"]
        for number, name in names.items():
            if len(text) > 2 and name.lower().startswith(text):
                return int(number)
    return 0


def format_parts(
    year: str, month: str, day: str, language: str, *, month_first: bool = False
) -> str:
    """Write a date of which parts may be missing or be text; what cannot be read stays as it is.

    Args:
        year: Digits, perhaps with text such as `BC`.
        month: Number or name.
        day: Number.
        language: Language code of the wiki.
        month_first: True for the American order, `May 1, 1950`; only in English.
    """
    number, day = month_number(month, language), day.lstrip("0")
    locale = locale_of(language)
    if not number:
        return " ".join(filter(None, [day, month, year]))
    whole, of_month, without_year = _PATTERNS.get(locale.language, _DEFAULT)
    if month_first and locale.language == "en":
        whole, without_year = "MMMM d, y", "MMMM d"
    pattern = whole if day and year else of_month if year else without_year if day else "LLLL"
    try:
        moment = date(2000, number, int(day or 1))
    except ValueError:
        return " ".join(filter(None, [day, month, year]))
    marked = format_date(moment, pattern.replace("y", "'\ue000'"), locale=locale)
    return marked.replace("\ue000", year)


def years_between(first: date, last: date) -> int:
    """Return the age at a date in whole years."""
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))
