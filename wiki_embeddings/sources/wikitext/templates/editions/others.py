"""Templates of other editions: dates, and texts in other languages."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.flags import flag

_HEBREW_NAMES = (
    "אנגלית|רוסית|צרפתית|גרמנית|ערבית|יידיש|יוונית|לטינית|ספרדית|איטלקית|"
    "פולנית|פרסית|הונגרית|רומנית|טורקית|יפנית|סינית|פורטוגזית|אוקראינית|ארמית"
)
"""Names of languages, which are names of templates, too: {{רוסית|Яков}} shows `רוסית: Яков`."""

TEMPLATES: dict[str, Expansion] = {
    "bayrak": flag,
    **dict.fromkeys(
        ["doğum tarihi", "doğum tarihi ve yaşı", "ölüm tarihi", "ölüm tarihi ve yaşı"],
        local_date("tr", "ymd"),
    ),
    **dict.fromkeys(
        ["datum narození", "datum narození a věk", "datum úmrtí", "datum úmrtí a věk", "datum"],
        local_date("cs", "ymd"),
    ),
    **dict.fromkeys(
        ["ngày sinh", "ngày sinh và tuổi", "ngày mất", "ngày mất và tuổi"], local_date("vi", "ymd")
    ),
    **dict.fromkeys(
        ["tanggal lahir", "tanggal lahir dan umur", "tanggal kematian"], local_date("id", "ymd")
    ),
    **dict.fromkeys(["születési dátum", "halálozási dátum"], local_date("hu", "ymd")),
    **dict.fromkeys(["data naixement", "data defunció"], local_date("ca", "ymd")),
    **dict.fromkeys(
        ["dødsdato", "fødselsdato", "dato", "fødselsdato og alder"], local_date("nb", "ymd")
    ),
    **dict.fromkeys(["تولد", "تاریخ تولد", "تاریخ مرگ"], local_date("fa", "ymd")),
    **dict.fromkeys(["תאריך לידה", "תאריך פטירה"], local_date("he", "ymd")),
    **rows(
        {
            **{f"{name}: {{1}}": name for name in _HEBREW_NAMES.split("|")},
            "({1}–{2})": "levde",
            "{2}": "cizojazyčně|vjazyce2",
            "engl. {1}": "k-en",
            "ruots. {1}": "k-sv",
            "saks. {1}": "k-de",
            "ransk. {1}": "k-fr",
            "ven. {1}": "k-ru",
            "lat. {1}": "k-la",
            "{1} км": "км",
            "[{1} ]км²": "км²|кв. км|км2",
            "{1} м": "метр",
            "{1} km": "km",
            "{1} km²": "km²|km2",
            "{1} kg": "kg",
            "{1} ha": "ha",
            "{1} °C": "°c",
            "{1} век": "век",
            "MÖ {1}": "mö",
            "{1} TL": "türk lirası",
            "{1}": "ש|מונחון|موثق|nowrap begin text|eng|fontes|yıl",
        }
    ),
    **dict.fromkeys(["به انگلیسی"], lambda a: f"(به انگلیسی: {argument('1')(a)})"),
    "kotva": constant(""),
}
