"""Templates for numbers, coordinates, formulas and musical notes."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits, superscript
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    around,
    constant,
    positional,
)


def chemical_formula(arguments: Arguments) -> str:
    """`CH3COO⁻`: numbers of atoms stay on the line, charges are raised."""
    parts = positional(arguments)
    return "".join(superscript(part) if part[-1:] in {"+", "-", "−"} else part for part in parts)


def nuclide(arguments: Arguments) -> str:
    """`lithium-7`."""
    return "-".join(filter(None, positional(arguments)[:2]))


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


def measured_value(arguments: Arguments) -> str:
    """`6.241(7) × 10¹⁸ C` for {{val|6.241|(7)|e=18|u=C}}."""
    number, uncertainty = [*positional(arguments), "", ""][:2]
    if uncertainty and not uncertainty.startswith("("):
        uncertainty = f"±{uncertainty}"
    exponent = power_of_ten({"1": arguments.get("e", "")})
    unit = argument("u", "ul", "up")(arguments)
    return f"{group_digits(number)}{uncertainty}{exponent} {unit}".strip()


def power_of_ten(arguments: Arguments) -> str:
    """The end of a number: ` × 10²⁴`."""
    return f" × 10{superscript(arguments['1'])}" if arguments.get("1") else ""


def coordinates(arguments: Arguments) -> str:
    """`13°19′N 169°9′W`; nothing for those that appear only beside the page's title."""
    if arguments.get("display") == "title":
        return ""
    text = ""
    angle: list[str] = []
    for word in positional(arguments):
        if word in {"N", "S", "E", "W"}:
            text += "".join(map("".join, zip(angle, "°′″", strict=False))) + word + " "
            angle = []
        else:
            angle.append(word)
    return text.strip()


def accidental(arguments: Arguments) -> str:
    """`♭`."""
    return {"flat": "♭", "natural": "♮", "sharp": "♯"}.get(arguments.get("1", ""), "")


TEMPLATES: dict[str, Expansion] = {
    "carbon": constant("C"),
    **dict.fromkeys(["chem", "chem2"], chemical_formula),
    **dict.fromkeys(["coor", "coord"], coordinates),
    "e": power_of_ten,
    **dict.fromkeys(["frac", "fraction", "sfrac"], fraction),
    "hydrogen": constant("H"),
    "music": accidental,
    "nts": lambda arguments: group_digits(argument("1")(arguments)),
    **dict.fromkeys(["nuclide", "nuclide2", "simplenuclide", "simplenuclide2"], nuclide),
    **dict.fromkeys(["railgauge", "track gauge"], argument("1")),
    "us$": around("US$"),
    "val": measured_value,
}
