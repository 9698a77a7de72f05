"""Templates for dates."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.templates.expansions import Arguments, Expansion, positional

_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip


def as_of(arguments: Arguments) -> str:
    """`As of 30 June 2015`."""
    if arguments.get("alt"):
        return arguments["alt"]
    first = "since" if arguments.get("since") else "as of"
    if not arguments.get("lc"):
        first = first.capitalize()
    return " ".join([first, _format_date(positional(arguments))])


def _format_date(parts: list[str]) -> str:
    """Write year, month and day in the English order, without those that are missing."""
    year, month, day = [*parts, "", "", ""][:3]
    if month.isdecimal() and 1 <= int(month) <= len(_MONTHS):
        month = _MONTHS[int(month) - 1]
    return " ".join(filter(None, [day.lstrip("0"), month, year]))


def circa(arguments: Arguments) -> str:
    """`c. 3000`."""
    return " – ".join(f"c. {year}" for year in positional(arguments) if year)


def old_style_date(arguments: Arguments) -> str:
    """`February 2 [O.S. January 20] 1905`."""
    new, year, old = [*positional(arguments), "", "", ""][:3]
    return " ".join(filter(None, [new, f"[O.S. {old}]" if old else "", year]))


TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["as of", "asof"], as_of),
    **dict.fromkeys(["c.", "circa"], circa),
    "oldstyledate": old_style_date,
}
