"""Templates for stations, lines, roads and airports."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    joined,
    positional,
    rows,
)

_SIGNS = {"I": "I-", "US": "US ", "SR": "SR ", "CR": "CR ", "A": "A", "M": "M", "E": "E"}


def station(arguments: Arguments) -> str:
    """The name of a station, without the word that its article's title adds."""
    return argument("4", "name", "1", "station")(arguments)


def junction(arguments: Arguments) -> str:
    """`I-5 / US 101` for {{jct|state=CA|I|5|US|101}}."""
    values = positional(arguments)
    region = arguments.get("state") or arguments.get("province") or ""
    routes = []
    for kind, number in zip(values[::2], values[1::2], strict=False):
        sign = _SIGNS.get(kind) or (f"{kind}-" if kind == region else f"{kind} ")
        routes.append(f"{sign}{number}")
    shown = " / ".join(routes)
    city = argument("city1", "location1")(arguments)
    return f"{shown} – {city}" if city and shown else shown


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(
        ["stn", "station", "rws", "stnlnk", "metrod", "ltmetro", "sta", "station link", "stl",
        "amtk", "nyc", "cta", "tubestation", "lurs", "dlr station", "railway station"],
        lambda arguments: argument("2")(arguments)
        if arguments.get("1", "").startswith(("Amtrak", "MTR", "SBB"))
        else argument("1")(arguments),
    ),
    **dict.fromkeys(["lul stations", "lul station"], argument("station", "1")),
    **dict.fromkeys(["jct", "auto link"], junction),
    "airport codes": lambda arguments: ", ".join(
        f"{label}: {code}"
        for label, code in zip(("IATA", "ICAO"), positional(arguments), strict=False)
        if code
    ),
    **dict.fromkeys(["nycs", "nycs time 2"], joined(", ")),
    **rows(
        {
            "{1}": "rail color box|rcb|rint text|uk road|lnl|line link|wmata|bts|mrt station|"
            "railway line|cta rail|hsr|trackgauge text",
            "{3|2}": "lnlt|rail line link",
            "Class {1}": "brc|brclass|br class",
            "Interstate {1}": "interstate",
        }
    ),
}  # fmt: skip
