"""Templates of the German Wikipedia."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.templates.blocks import quotation
from wiki_embeddings.sources.wikitext.templates.dates import local_date
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    joined,
    rows,
)
from wiki_embeddings.sources.wikitext.templates.languages import language_name
from wiki_embeddings.sources.wikitext.templates.mathematics import fraction
from wiki_embeddings.sources.wikitext.templates.typography import keys, quoted

_LANGUAGES = (
    "ar az be bg bn bs ca cs cy da el en eo es et eu fa fi fr ga gl grc he hi hr hu hy id is it ja "
    "ka kk ko la lb lt lv mk mn mt nds nl nn no oc pl ps pt ro ru sa sh sk sl sq sr sv ta th tr uk "
    "ur uz vi yi zh"
)


def _foreign(code: str) -> Expansion:
    """Show `russisch Москва, Moskwa`: the language, the text, and its transcription."""

    def expand(arguments: Arguments) -> str:
        text = argument("1")(arguments)
        roman = argument("2", "d", "b", "w")(arguments)
        name = language_name(code, "de").lower()
        return f"{name} {text}{f', {roman}' if roman else ''}" if text else ""

    return expand


def _angle(text: str) -> str:
    """`51° 30′ 0″ N` for `51/30/0/N`."""
    *parts, direction = text.split("/")
    if direction not in {"N", "S", "E", "W"}:
        return text
    angle = " ".join(part + sign for part, sign in zip(parts, "°′″", strict=False) if part)
    return f"{angle} {direction.replace('E', 'O')}"


def coordinate(arguments: Arguments) -> str:
    """Coordinates in the text; nothing for those beside the title."""
    if not arguments.get("text"):
        return ""
    if arguments["text"] not in {"DMS", "DM", "DEC", "/", "ICON0", "ICON1", "ICON2"}:
        return arguments["text"]
    latitude, longitude = arguments.get("NS", ""), arguments.get("EW", "")
    return f"{_angle(latitude)}, {_angle(longitude)}" if latitude and longitude else ""


def height(arguments: Arguments) -> str:
    """`2962 m ü. NHN`."""
    value, reference = argument("1")(arguments), argument("2")(arguments).partition("-")[2]
    value = group_digits(value, "de") if len(value) > 4 else value
    return f"{value} m ü. {reference or 'M.'}" if value else ""


TEMPLATES: dict[str, Expansion] = {
    **{f"{code}s": _foreign(code) for code in _LANGUAGES.split()},
    **dict.fromkeys(["zitat", "zitat-en", "zitat-fr", "zitat-la", "zitat-de"], quotation),
    **dict.fromkeys(['"', '"-de', "anführung"], quoted("„", "“")),
    **dict.fromkeys(['"-en'], quoted("“", "”")),
    **dict.fromkeys(['"-fr'], quoted("« ", " »")),
    **dict.fromkeys(['"-ch'], quoted("«", "»")),
    **dict.fromkeys(["taste", "tastenkombination"], keys),
    "bruch": fraction,
    **dict.fromkeys(["datum", "dts"], local_date("de", "dmy")),
    "coordinate": coordinate,
    "höhe": height,
    "bibel": lambda arguments: " ".join(
        filter(None, [arguments.get("1", ""),
                      ",".join(filter(None, [arguments.get("2", ""), arguments.get("3", "")]))])
    ),
    **dict.fromkeys(["0", "anker", "absatz"], constant("")),
    "reim": joined(" / "),
    **rows(
        {
            "§ {1}": "§|§§",
            "Art. {1}": "art.",
            "{1}": "unicode|polytonisch|kyrillisch|arabisch|farbe text|nowrap|nobr|okina text|hebr"
            "|kapitälchen|sperrschrift|fett|kursiv|textsuche|überstrichen|bahnhof|schreibweise"
            "|nicht umbrechen|lateinisch|farsi|runen|fremdsprachig",
            "{2|1}": "farbe|sortkey|wikt|sortiere",
            "{1} €": "euro",
            "{1} CHF": "franken",
            "u. a.": "u.a.|ua",
            "z. B.": "z.b.|zb",
            "[sic!]": "sic!",
        }
    ),
}  # fmt: skip
TEMPLATES["sic!"] = constant("[sic!]")
