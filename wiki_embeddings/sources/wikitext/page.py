"""What the conversion knows of the page and its wiki, besides the wikitext."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from babel import Locale, UnknownLocaleError


@dataclass(frozen=True, slots=True)
class Page:
    """The page that is converted.

    Attributes:
        hidden: Lower-case names of the namespaces whose links show no text.
        language: Language code of the wiki, as in its address: `de`, `zh-min-nan`.
        title: Title of the page; empty if it is not known.
    """

    hidden: frozenset[str] = frozenset()
    language: str = "en"
    title: str = ""


_LOCALES = {
    "als": "gsw", "be-tarask": "be", "be-x-old": "be", "bh": "bho", "cbk-zam": "cbk",
    "fiu-vro": "vro", "nds-nl": "nds", "no": "nb", "roa-rup": "rup", "sh": "sr_Latn",
    "simple": "en", "zh-min-nan": "nan", "zh-yue": "yue",
}  # fmt: skip
"""Wikis whose code is not that of a locale."""


@cache
def locale_of(language: str) -> Locale:
    """Return CLDR's names and number formats for a wiki's language; English for unknown ones."""
    try:
        return Locale.parse(_LOCALES.get(language, language), sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
