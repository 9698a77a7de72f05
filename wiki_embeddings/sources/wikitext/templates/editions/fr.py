"""Templates of the French Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits, superscript
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    joined,
    positional,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.languages import nihongo
from wiki_embeddings.sources.wikitext.templates.mathematics import root
from wiki_embeddings.sources.wikitext.templates.typography import keys, quoted


def quantity(arguments: Arguments) -> str:
    """`12 500 km²` for {{unité|12500|km|2}}: numbers, then units with their powers."""
    number, *units = positional(arguments) or [""]
    text = group_digits(number, "fr")
    while len(units) > 2 and units[0] in {"à", "et", "ou", "x", "×", "par", "-"}:
        text += f" {units[0]} {group_digits(units[1], 'fr')}"
        units = units[2:]
    shown = ""
    for part in filter(None, units):
        is_power = part.lstrip("-−").isdigit()
        shown += superscript(part) if is_power else f"{'⋅' if shown else ''}{part}"
    exponent = f" × 10{superscript(arguments['e'])}" if arguments.get("e") else ""
    return f"{text}{exponent} {shown}".strip()


def centuries(after: str = "siècle", era: str = "") -> Expansion:
    """Show one or two centuries: `XIXe siècle`, `XVIIIe et XIXe siècles`."""

    def expand(arguments: Arguments) -> str:
        values = [value for value in positional(arguments) if value]
        if len(values) == 1:
            values.append("er" if values[0] == "I" else "e")
        pairs = [
            number + ending for number, ending in zip(values[::2], values[1::2], strict=False)
        ] or values
        noun = after + "s" if after and len(pairs) > 1 else after
        return " ".join(filter(None, [" et ".join(pairs), noun, era])) if pairs else ""

    return expand


def century_range(arguments: Arguments) -> str:
    """`XVIe au XVIIIe siècle`."""
    return " ".join([*(value for value in _with_endings(positional(arguments))), "siècle"])


def _with_endings(values: list[str]) -> list[str]:
    joined: list[str] = []
    for value in filter(None, values):
        if value in {"e", "er", "re"} and joined:
            joined[-1] += value
        elif value not in {"s", "siècle"}:
            joined.append(value)
    return joined


def hour(arguments: Arguments) -> str:
    """`12 h 30`."""
    hours, minutes, seconds = [*positional(arguments), "", "", ""][:3]
    parts = [f"{hours} h" if hours else "", minutes, f"min {seconds} s" if seconds else ""]
    return " ".join(filter(None, parts))


def length_of_time(arguments: Arguments) -> str:
    """`1 h 30 min`."""
    parts = zip(positional(arguments), ("h", "min", "s"), strict=False)
    return " ".join(f"{value} {unit}" for value, unit in parts if value.strip("0"))


def _day(arguments: Arguments) -> str:
    """`1er janvier 1950`, by number or by name."""
    return (
        local_date("fr", "dmy")(arguments).replace("1 ", "1er ", 1)
        if arguments.get("1") in {"1", "01"}
        else local_date("fr", "dmy")(arguments)
    )


TEMPLATES: dict[str, Expansion] = {
    "1er": lambda arguments: " ".join(["1er", *positional(arguments)]),
    **dict.fromkeys(
        ["date", "date-", "date de naissance", "date naissance", "date de naissance-",
        "date de décès",
        "date décès", "date de décès-", "naissance", "décès", "date rapide"],
        _day,
    ),
    **dict.fromkeys(["unité", "unite", "nombre", "nb", "unité2", "formatnombre", "u",
        "unité/2"], quantity),
    **dict.fromkeys(["s", "s2", "siècle", "siècles"], centuries()),
    **dict.fromkeys(["s-", "s2-"], centuries("")),
    **dict.fromkeys(["-s", "-s2"], centuries("siècle", "av. J.-C.")),
    **dict.fromkeys(["-s-", "-s2-"], centuries("", "av. J.-C.")),
    **dict.fromkeys(["sp", "sp-"], century_range),
    "er": constant("er"),
    "re": constant("re"),
    "e": constant("e"),
    "ème": constant("e"),
    **dict.fromkeys(["av jc", "av. j.-c.", "avjc", "av j.-c.", "anc"], constant("av. J.-C.")),
    **dict.fromkeys(["ap jc", "ap. j.-c.", "apjc"], constant("apr. J.-C.")),
    **dict.fromkeys(["heure", "heures"], hour),
    **dict.fromkeys(["durée", "duree"], length_of_time),
    **dict.fromkeys(["citation", "cita", '"', "guil", "guillemets", "citation étrangère",
                     "citation nécessaire", "cit"], quoted("« ", " »")),
    **dict.fromkeys(["citation bloc", "début citation bloc", "bloc citation", "poème"], quotation),
    **dict.fromkeys(["exp", "exposant"], lambda arguments: superscript(argument("1")(arguments))),
    **dict.fromkeys(["japonais", "japonais2"], nihongo),
    **dict.fromkeys(["racine", "racine carrée"], root),
    **dict.fromkeys(["touche", "touches"], keys),
    **dict.fromkeys(["drapeau", "ancre", "clr", "sautpage"], constant("")),
    "cf.": constant("cf."),
    **dict.fromkeys(["nom", "navire", "prénom"], joined(" ")),
    "ordinal": lambda arguments: f"{arguments.get('1', '')}e",
    "n°": lambda arguments: f"no {argument('1')(arguments)}".strip(),
    "incise": lambda arguments: f"– {arguments.get('1', '')}"
    + ("" if arguments.get("2") == "stop" else " –"),
    **rows(
        {
            "{texte|text|2}": "langue",
            "{texte|fr|1}": "lien",
            "{hanzi|s|t|1}[ ({pinyin|p})]": "chinois",
            "{1}": "année|an|mois|jour|bateau|équipe|nobr|refnec|référence nécessaire|"
            "référence souhaitée|refsou|passage évasif|"
            "quand|qui|"
            "pertinence détail|lesquels|petit|abréviation|abrev|abrév|abr|ind|indice|pc|page h'|"
            "souverain|"
            "souverain-|souverain2|souverain3|hébreu|arabe|russe|grec ancien|coréen|"
            "sanskrit|pays|"
            "drapeau2|nombre romain|romain|où|quoi|lequel|laquelle|lesquelles|style à vérifier|"
            "pas clair|"
            "interprétation personnelle|pertinence passage|vérifier|incompréhensible|"
            "mot étranger|petites capitales|"
            "terme défini|terme|à sourcer|sic text|insécable|surligner|barré",
            "vers {1}": "vers",
            "no {1}": "no|numéro|num",
            "nos {1}[ et {2}]": "nos",
            "p. {1}": "p.|p|page",
            "M. {1}": "m.|m",
            "Mme {1}": "mme",
            "Mlle {1}": "mlle",
            "Mgr {1}": "mgr",
            "Dr {1}": "dr",
            "Me {1}": "me|maître",
            "Saint {1}": "st",
            "{1} M€": "m€",
            "{1} €": "euro|euros",
            "{1} $": "dollar",
            "art. {1}": "art.|article n°",
            "t. {1}": "t.|tome",
            "vol. {1}": "vol.",
            "{1} tonnes": "tonne",
        }
    ),
}  # fmt: skip
