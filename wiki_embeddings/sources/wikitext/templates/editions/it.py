"""Templates of the Italian Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits, superscript
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.flags import country_name


def measure(arguments: Arguments) -> str:
    """`5 km` for {{M|5|k|m}} and {{M|5|ul=km}}."""
    number, *unit = [*positional(arguments), ""]
    shown = argument("u", "ul")(arguments) or "".join(unit)
    return f"{group_digits(number, 'it')} {shown}".strip() if number else ""


def national_team(arguments: Arguments) -> str:
    """`Italia` for {{Naz|CA|ITA}}."""
    code = argument("2", "1")(arguments)
    return country_name(code, "it") or code


TEMPLATES: dict[str, Expansion] = {
    "m": measure,
    **dict.fromkeys(["naz", "naznb", "nazionale"], national_team),
    **dict.fromkeys(
        ["data", "data nascita", "data di nascita", "data morte"], local_date("it", "dmy")
    ),
    **dict.fromkeys(["citazione", "quote", "citazione2"], quotation),
    **dict.fromkeys(["apici", "exp", "apice"], lambda a: superscript(argument("1")(a))),
    **dict.fromkeys(["ancora", "clear", "simbolo"], constant("")),
    "bandiera": lambda a: (
        (country_name(argument("1")(a), "it") or argument("1")(a))
        if "nome" in positional(a)
        else ""
    ),
    **dict.fromkeys(["a.c.", "ac"], constant("a.C.")),
    **rows(
        {
            "{1}": "ta|tutto attaccato|senza fonte|citazione necessaria|chiarire|maiuscoletto|"
            "pedici|tc|"
            "non chiaro|da quando|testo piccolo|nave|sf|cn|forse|cirillico|giapponese|ebraico|"
            "arabo|cinese",
            "{1}[, {2}]": "cita",
            "{1} secolo": "secolo",
            "{1} €": "euro",
            "in inglese {1}": "inglese",
            "in francese {1}": "francese",
            "in tedesco {1}": "tedesco",
            "in russo {1}": "russo",
            "in latino {1}": "latino",
            "in greco antico {1}": "greco antico",
        }
    ),
}
