"""What templates show, as functions of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wiki_embeddings.sources.wikitext.digits import grouped, superscript
from wiki_embeddings.sources.wikitext.markers import BREAK, ITEM, PARAGRAPH

Arguments = Mapping[str, str]
"""Rendered, stripped arguments by name; those without one are named `1`, `2`, …"""

Expansion = Callable[[Arguments], str]
"""Gives the text that a template shows, with `marks`; empty for nothing."""

_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip


def positional(arguments: Arguments) -> list[str]:
    """Gives the arguments without a name, up to the first gap."""
    values: list[str] = []
    while (value := arguments.get(str(len(values) + 1))) is not None:
        values.append(value)
    return values


def constant(text: str) -> Expansion:
    """Shows the same text always."""
    return lambda _: text


def argument(*names: str) -> Expansion:
    """Shows the first argument of these names that has a text."""
    return lambda arguments: next((arguments[name] for name in names if arguments.get(name)), "")


def last(arguments: Arguments) -> str:
    """Shows the last argument, as where a language or a size comes before the text."""
    return next((value for value in reversed(positional(arguments)) if value), "")


def joined(separator: str) -> Expansion:
    """Shows all arguments without a name."""
    return lambda arguments: separator.join(filter(None, positional(arguments)))


def around(before: str, after: str = "") -> Expansion:
    """Shows the first argument between two texts; nothing without it."""
    return lambda arguments: f"{before}{arguments['1']}{after}" if arguments.get("1") else ""


def language(name: str, arguments: Arguments) -> str:
    """`Greek: Ἀριστοτέλης`."""
    text = arguments.get("1", "")
    return f"{name}: {text}" if name and text else text


def quotation(arguments: Arguments) -> str:
    """A paragraph, with a line that says who said it."""
    text = argument("1", "text", "quote")(arguments)
    author = argument("2", "author", "sign", "cite")(arguments)
    source = argument("3", "source", "title")(arguments)
    said_by = ", ".join(filter(None, [author, source]))
    attribution = f"{BREAK}— {said_by}" if said_by else ""
    return f"{PARAGRAPH}{text}{attribution}{PARAGRAPH}" if text else ""


def as_of(arguments: Arguments) -> str:
    """`As of 30 June 2015`."""
    if arguments.get("alt"):
        return arguments["alt"]
    first = "since" if arguments.get("since") else "as of"
    if not arguments.get("lc"):
        first = first.capitalize()
    return " ".join([first, _date(positional(arguments))])


def _date(parts: list[str]) -> str:
    """Writes year, month and day the English way; what is missing is left out."""
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


def nihongo(arguments: Arguments) -> str:
    """`headquarters (本部道場, honbu dōjō)`."""
    english, *japanese = [*positional(arguments)[:4], ""]
    written = ", ".join(filter(None, japanese))
    return f"{english} ({written})".strip() if written else english


def chemical_formula(arguments: Arguments) -> str:
    """`CH3COO⁻`: numbers of atoms stay on the line, charges are raised."""
    parts = positional(arguments)
    return "".join(superscript(part) if part[-1:] in {"+", "-", "−"} else part for part in parts)


def fraction(arguments: Arguments) -> str:
    """`3/2`, `1/3` for a lone denominator, `1 1/2` with a whole number."""
    match [part for part in positional(arguments) if part]:
        case [denominator]:
            return f"1/{denominator}"
        case [numerator, denominator]:
            return f"{numerator}/{denominator}"
        case [whole, numerator, denominator, *_]:
            return f"{whole} {numerator}/{denominator}"
    return ""


def value(arguments: Arguments) -> str:
    """A measured value, as in {{val|6.241|(7)|e=18|u=C}}: `6.241(7) × 10¹⁸ C`."""
    number, uncertainty = [*positional(arguments), "", ""][:2]
    if uncertainty and not uncertainty.startswith("("):
        uncertainty = f"±{uncertainty}"
    exponent = f" × 10{superscript(arguments['e'])}" if arguments.get("e") else ""
    unit = argument("u", "ul", "up")(arguments)
    return f"{grouped(number)}{uncertainty}{exponent} {unit}".strip()


def power_of_ten(arguments: Arguments) -> str:
    """What follows a number: ` × 10²⁴`."""
    return f" × 10{superscript(arguments['1'])}" if arguments.get("1") else ""


def nuclide(arguments: Arguments) -> str:
    """`lithium-7`."""
    return "-".join(filter(None, positional(arguments)[:2]))


def coordinates(arguments: Arguments) -> str:
    """`13°19′N 169°9′W`; nothing where they only stand beside the page's title."""
    if arguments.get("display") == "title":
        return ""
    shown = ""
    angle: list[str] = []
    for word in positional(arguments):
        if word in {"N", "S", "E", "W"}:
            shown += "".join(map("".join, zip(angle, "°′″", strict=False))) + word + " "
            angle = []
        else:
            angle.append(word)
    return shown.strip()


def music(arguments: Arguments) -> str:
    """An accidental."""
    return {"flat": "♭", "natural": "♮", "sharp": "♯"}.get(arguments.get("1", ""), "")


def columns(arguments: Arguments) -> str:
    """The columns `col1`, `col2`, … one after the other."""
    names = [f"col{number}" for number in range(1, 10)]
    return PARAGRAPH + BREAK.join(arguments[name] for name in names if arguments.get(name))


def listed(arguments: Arguments) -> str:
    """One line for each argument."""
    items = [f"{BREAK}{ITEM}{item}" for item in positional(arguments) if item]
    return "".join([*items, BREAK])


def interlanguage_link(arguments: Arguments) -> str:
    """The article's name, before or after the language that has it: `{{ill|Name|de}}`."""
    first, second = [*positional(arguments), "", ""][:2]
    return second if len(first) in {2, 3} and first.islower() and second else first


def harvard(arguments: Arguments) -> str:
    """`Boolos & Jeffrey (1974, 1999)`."""
    *authors, year = positional(arguments) or [""]
    return f"{' & '.join(authors)} ({year})" if authors else year
