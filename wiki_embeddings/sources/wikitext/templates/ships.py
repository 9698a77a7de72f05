"""Templates for the names of ships and of their classes."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    positional,
)

_PREFIXES = """
ARA|BAE|BAP|BNS|BRP|CCGS|CSS|FGS|GTS|HDMS|HMAS|HMBS|HMCS|HMHS|HMIS|HMNZS|HMQS|HMS|HMSAS|HMT|HNLMS|
HNoMS|HSwMS|INS|JDS|JS|KD|KRI|LÉ|MS|MT|MTS|MV|MY|NMS|NOAAS|NRP|NS|ORP|PNS|PS|RFA|RMS|ROKS|RV|SAS|
SMS|SMU|SS|TCG|TS|TSMS|TSS|USAT|USAV|USC&GS|USCGC|USCS|USFC|USFS|USLHT|USNS|USRC|USS|VMV|NCSM|ARM|ARC
"""
_PREFIX, _NAME, _IDENTIFIER = 4, 2, 1
"""Bits of the format: which parts of `USS Enterprise (CVN-65)` are shown."""


def _ship(prefix: str, arguments: list[str]) -> str:
    name, identifier, form = [*arguments, "", "", ""][:3]
    bits = int(form) if form in {"1", "2", "3", "4", "5", "6", "7"} else 7
    shown = [
        prefix if bits & _PREFIX else "",
        name if bits & _NAME else "",
        identifier if bits == _IDENTIFIER else f"({identifier})" if identifier and bits & 1 else "",
    ]
    return " ".join(filter(None, shown)) if name else ""


def ship_with(prefix: str) -> Expansion:
    """Show a ship of a navy or line: `USS Hornet (CV-12)` for {{USS|Hornet|CV-12}}."""
    return lambda arguments: _ship(prefix, positional(arguments))


def ship(arguments: Arguments) -> str:
    """Show a ship whose prefix is the first argument: {{ship|Japanese battleship|Yamato}}."""
    prefix, *others = positional(arguments) or [""]
    return _ship(prefix, others)


def ship_class(arguments: Arguments) -> str:
    """`Nimitz-class aircraft carrier`; the format 0 and 4 to 6 leave out the type or more."""
    name, kind, form = [*positional(arguments), "", "", ""][:3]
    if form == "5":
        return name
    separator = " " if form in {"4", "6"} else "-"
    shown = f"{name}{separator}class"
    return shown if form in {"0", "4"} or not kind else f"{shown} {kind}"


def submarine(arguments: Arguments) -> str:
    """`German submarine U-123 (1940)`; the formats are those of ships."""
    return _ship("German submarine", positional(arguments))


TEMPLATES: dict[str, Expansion] = {
    **{prefix.lower(): ship_with(prefix) for prefix in "".join(_PREFIXES.split("\n")).split("|")},
    "m/v": ship_with("M/V"),
    "s/s": ship_with("S/S"),
    "ship": ship,
    **dict.fromkeys(["sclass", "sclass2", "sclass-", "sclass2-", "sclass3"], ship_class),
    **dict.fromkeys(["gs", "german submarine"], submarine),
    "ssclass": argument("1"),
}
