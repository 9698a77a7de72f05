"""Templates of the Polish Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import any_date
from wiki_embeddings.sources.wikitext.templates.editions.fr import quantity as _quantity
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    constant,
    last,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.flags import flag

_ABBREVIATIONS = {
    "ang": "ang.", "ar": "arab.", "be": "biał.", "cs": "czes.", "de": "niem.", "el": "gr.",
    "en": "ang.", "es": "hiszp.", "fr": "fr.", "grc": "gr.", "he": "hebr.", "hu": "węg.",
    "it": "wł.", "ja": "jap.", "la": "łac.", "lt": "lit.", "nl": "niderl.", "pt": "port.",
    "ru": "ros.", "sk": "słow.", "sv": "szw.", "tr": "tur.", "uk": "ukr.", "zh": "chiń.",
}  # fmt: skip


def in_language(arguments: Arguments) -> str:
    """`(ang.)`."""
    codes = [_ABBREVIATIONS.get(code, f"{code}.") for code in positional(arguments) if code]
    return f"({', '.join(codes)})" if codes else ""


def _abbreviated(arguments: Arguments) -> str:
    """`ang. text` for {{lang-en|text}} and {{język|en|text}}."""
    code, text = [*positional(arguments), "", ""][:2]
    return f"{_ABBREVIATIONS.get(code, '')} {text}".strip()


def century(arguments: Arguments) -> str:
    """`XVI wiek`; nothing for an age today, which the template shows for a date."""
    number = arguments.get("1", "")
    return f"{number} wiek" if number and not number[0].isdigit() else ""


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["data", "dts", "data urodzenia", "data śmierci"], any_date),
    **dict.fromkeys(["j", "lang-icon", "w języku"], in_language),
    **dict.fromkeys(["cytat", "cytatd", "cytat d", "wiersz", "cytat blok"], quotation),
    **dict.fromkeys(["państwo", "państwo2", "flaga z nazwą"], flag),
    **dict.fromkeys(["flaga", "flaga2", "kotwica", "r", "odn"], constant("")),
    **dict.fromkeys(["k", "kolor"], last),
    **dict.fromkeys(["unit", "jednostka"], _quantity),
    "język": _abbreviated,
    "wiek": century,
    **{f"{short}": constant(short) for short in ("p.n.e.", "n.e.")},
    **rows(
        {
            "{1}": "fakt|małe|nie łam|bez łamania|kapitaliki|zmiana|co|potrzebne źródło",
            "{tekst|1}": "link-interwiki",
            "{1} zł": "zł",
            **{f"{short} {{1}}": short for short in sorted(set(_ABBREVIATIONS.values()))},
        }
    ),
}
