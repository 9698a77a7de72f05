"""Templates of the Spanish Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.editions.fr import quantity as _quantity
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.flags import flag
from wiki_embeddings.sources.wikitext.templates.mathematics import root
from wiki_embeddings.sources.wikitext.templates.typography import keys


def century(arguments: Arguments) -> str:
    """`siglo XIX`, `siglo V a. C.`."""
    number = argument("1")(arguments)
    era = {"a": " a. C.", "d": " d. C."}.get(arguments.get("2", ""), "")
    noun = "Siglo " if arguments.get("3") == "S" else "" if arguments.get("3") == "-" else "siglo "
    return f"{noun}{number}{era}" if number else ""


def money(arguments: Arguments) -> str:
    """`300 CLP`, whichever stands first."""
    code, amount = [*positional(arguments), "", ""][:2]
    if not amount[:1].isdigit():
        code, amount = amount, code
    return f"{group_digits(amount, 'es')} {code}".strip()


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["fecha", "nacimiento", "fallecimiento", "fecha de nacimiento", "fecha de fallecimiento",
        "fecha de inicio", "edad y fecha", "fecha de defunción", "fecha de estreno"],
        local_date("es", "dmy"),
    ),
    **dict.fromkeys(["unidad"], _quantity),
    "siglo": century,
    **dict.fromkeys(["cita", "cita textual", "cita larga", "celda cita"], quotation),
    "tecla": keys,
    "raíz": root,
    "moneda": money,
    **dict.fromkeys(["bandera2", "país", "selección", "seleccion", "sel", "selb",
        "selección de fútbol"], flag),
    **dict.fromkeys(["bandera", "ancla", "limpiar", "geodatos"], constant("")),
    **dict.fromkeys(["ac", "a. c.", "a.c.", "adc"], lambda a: f"{argument('1')(a)} a. C.".strip()),
    **dict.fromkeys(["dc", "d. c.", "d.c."], lambda a: f"{argument('1')(a)} d. C.".strip()),
    **rows(
        {
            "{1}": "esd|versalita|versalitas|cita requerida|demostrar|nombre nativo|aclarar|"
            "enlace pasivo|"
            "enlace sin traducir|ajustar texto|romanos|subíndice|quién|no fuente|sin relevancia|"
            "texto pequeño|pequeño",
            "{1}.º": "ordinal",
            "siglos {1}[ y {2}]": "siglos",
            "{1} km": "km",
            "{3|1}": "enlace interlingüístico",
            "n.º {1}": "número|núm",
            "{1} hab.": "hab",
            "{1} €": "euros|euro",
        }
    ),
}  # fmt: skip
