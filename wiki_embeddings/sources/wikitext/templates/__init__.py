"""What templates show, for those whose text is part of the sentence around them.

A Wikipedia has hundreds of thousands of templates. Nearly all show something beside the text (a
box, a note, a reference, a picture) and are dropped, as are pronunciations. The tables of this
package hold those that stand in prose, by kind; `editions` holds those that only one edition has.

The rule for a template that no table knows: it shows nothing, none of its arguments, and the words
that only introduced it go with it (see `holes`).

A new template is a row in the `TEMPLATES` of the module for its kind, by its name in lower case
with spaces, and an example in the tests; `expansions` has the usual ways to show arguments.
"""

from __future__ import annotations

import re
from functools import cache

from wiki_embeddings.sources.wikitext.markers import CITATION
from wiki_embeddings.sources.wikitext.page import locale_of
from wiki_embeddings.sources.wikitext.templates import (
    blocks,
    code,
    coordinates,
    currencies,
    dates,
    flags,
    languages,
    mathematics,
    numbers,
    references,
    ships,
    transport,
    typography,
    units,
)
from wiki_embeddings.sources.wikitext.templates.editions import (
    ar,
    de,
    es,
    fr,
    hi,
    it,
    ja,
    ko,
    nl,
    others,
    pl,
    pt,
    ru,
    sv,
    zh,
)
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
)

KINDS = (
    blocks, code, coordinates, currencies, dates, flags, languages, mathematics, numbers,
    references, ships, transport, typography, units,
)  # fmt: skip
EDITIONS = {
    "ar": ar, "de": de, "es": es, "fr": fr, "hi": hi, "it": it, "ja": ja, "ko": ko, "nl": nl,
    "pl": pl, "pt": pt, "ru": ru, "sv": sv, "uk": ru, "zh": zh, "": others,
}  # fmt: skip
"""Modules by the language of the edition; the last one serves several."""

_SHORT = re.compile(r"[a-z]{1,2}\.?")
"""Names that each edition gives to something else: {{FL}}, {{b}}, {{c.}}."""

_SHORT_EVERYWHERE = frozenset(["br", "fb", "ha", "kg", "km", "pm", "sc", "tl", "tt", "zh"])
"""Short names that mean the same in most editions."""

EDITION_TEMPLATES: dict[str, dict[str, Expansion]] = {
    language: module.TEMPLATES for language, module in EDITIONS.items()
}

TEMPLATES: dict[str, Expansion] = {
    name: expansion
    for module in (*reversed(EDITIONS.values()), *KINDS)
    for name, expansion in module.TEMPLATES.items()
    if module in KINDS or not _SHORT.fullmatch(name) or name in _SHORT_EVERYWHERE
}
"""All templates; one that several editions have under the same name is that of `KINDS`."""

_ENGLISH = frozenset({"en", "simple"})

_CITATIONS = (
    "cite ", "vcite ", "cita ", "citar ", "citeer ", "cytuj", "literatur", "internetquelle",
    "ouvrage", "lien web", "bokref", "webbref", "tidskriftsref", "книга", "статья", "публикация",
    "استشهاد ", "مرجع ", "webarchive",
)  # fmt: skip
_FRENCH_NUMERAL = re.compile(  # {{IIIe République}}, {{1er mai}}, {{Napoléon Ier}}
    r"(?:[IVXL]+e|Ier|Ire|\d+(?:e|er|re|d|de))(?: .+)?|[A-ZÉ][^\W\d]+ (?:Ier|[IVX]+)"
)
_ROUTE = re.compile(r"BS(?:[-0-9e].*|[a-df-z].*|)|RBA.*|Bahnstrecke.*")
"""Templates that draw the diagram of a railway line."""

_CLUB = re.compile(r"(?:Calcio|Futebol|Fútbol) (.+)")

_NAMESPACES = ("template:", "vorlage:", "modèle:", "plantilla:", "шаблон:", "predefinição:")


def find_expansion(name: str, language: str) -> Expansion | None:
    """Find what a template shows.

    Args:
        name: The template's name as the page writes it.
        language: Language code of the wiki; its own templates come before those of others.

    Returns:
        The function that makes its text, or None for a template that is dropped.
    """
    written = " ".join(name.replace("_", " ").split())
    name = written.lower()
    if _ROUTE.fullmatch(written):
        return constant("")
    for namespace in _NAMESPACES:
        name = name.removeprefix(namespace)
    edition = EDITION_TEMPLATES.get(language, {})
    if name in edition:
        return edition[name]
    is_known = language in _ENGLISH or not _SHORT.fullmatch(name) or name in _SHORT_EVERYWHERE
    expansion, country = TEMPLATES.get(name) if is_known else None, flags.lone_code(written)
    if expansion and country:  # {{ARM}} is Armenia, {{ARM|Cuauhtémoc}} a ship
        return lambda arguments: (expansion if arguments.get("1", "#") != "#" else country)(
            arguments
        )
    return (
        expansion
        or country
        or _find_by_prefix(name, language)
        or _find_by_number(written, language)
        or _find_land(written, language)
        or currencies.lone_code(name)
    )


def _find_by_prefix(name: str, language: str) -> Expansion | None:
    """Find a template whose name contains an argument, such as {{lang-fr}}."""
    if name.startswith(_CITATIONS):
        return constant(CITATION)
    if name.startswith(("lang-", "llang-")):
        code = name.partition("-")[2]
        if language in {"ru", "uk"}:
            table = ru.ABBREVIATIONS if language == "ru" else ru.UKRAINIAN_ABBREVIATIONS
            label = table.get(code.removesuffix("2"), "")
            return languages.after_label("" if code.endswith("2") else label)
        return languages.foreign_text(code)
    if name.startswith(("link-", "internal link helper/", "ill-")):
        return argument("1")
    return None


def _find_by_number(name: str, language: str) -> Expansion | None:
    """Find a template that shows its own name, as {{IIIe République}}, or a part of it."""
    if language == "fr" and _FRENCH_NUMERAL.fullmatch(name):
        return constant(name)
    club = _CLUB.fullmatch(name)
    return constant(club[1]) if club else None


def _find_land(name: str, language: str) -> Expansion | None:
    """Find a template that is named by a country, as {{Italie}}; other editions use them."""
    return constant(name) if language != "en" and name in _countries(language) else None


@cache
def _countries(language: str) -> frozenset[str]:
    return frozenset(locale_of(language).territories.values())
