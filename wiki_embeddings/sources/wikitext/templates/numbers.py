"""Templates for numbers: written out, with an uncertainty, as a share or a count."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import group_digits, superscript
from wiki_embeddings.sources.wikitext.expressions import evaluate, format_result
from wiki_embeddings.sources.wikitext.templates.dates import ordinal_number
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    positional,
    rows,
)

_RANGES = {
    "-": "–", "–": "–", "to": " to ", "by": " by ", "x": " × ", "×": " × ", "and": " and ",
    "or": " or ", ",": ", ", "/": "/",
}  # fmt: skip


def measured_value(arguments: Arguments) -> str:
    """`6.241(7) × 10¹⁸ C` for {{val|6.241|(7)|e=18|u=C}}."""
    numbers = _values(positional(arguments), arguments)
    exponent = power_of_ten({"1": arguments["e"]}) if arguments.get("e") else ""
    if not numbers:
        exponent = exponent.removeprefix(" × ")
    unit, per = argument("u", "ul")(arguments), argument("up", "upl")(arguments)
    unit = f"{unit}/{per}" if per else unit
    space = "" if unit[:1] in {"%", "°", "′", "″"} and not unit.startswith(("°C", "°F")) else " "
    prefix, suffix, end = (arguments.get(name, "") for name in ("p", "s", "end"))
    return f"{prefix}{numbers}{end}{exponent}{suffix}{space if unit else ''}{unit}".strip()


def _values(words: list[str], arguments: Arguments) -> str:
    """Write the number with its uncertainty, or the numbers of a range."""
    first, *rest = words or [""]
    text = _number(first, arguments)
    while len(rest) > 1 and rest[0] in _RANGES:
        text += _RANGES[rest[0]] + _number(rest[1], arguments)
        rest = rest[2:]
    uncertainty, lower = [*rest, "", ""][:2]
    if lower or uncertainty.startswith("+"):
        signed = ["+" + uncertainty.lstrip("+"), "−" + lower.lstrip("-−")]
        return f"{text} {signed[0]} {signed[1]}" if lower else f"{text} {signed[0]}"
    if uncertainty and not uncertainty.startswith("("):
        uncertainty = f"±{uncertainty.lstrip('±')}"
    return text + uncertainty


def _number(text: str, arguments: Arguments) -> str:
    return text if arguments.get("fmt") == "none" else group_digits(text, arguments.page.language)


def power_of_ten(arguments: Arguments | dict[str, str]) -> str:
    """The end of a number: ` × 10²⁴`; `e` without an argument, as in the French `XIX{{e}}`."""
    return f" × 10{superscript(arguments['1'])}" if arguments.get("1") else "e"


def percentage(arguments: Arguments) -> str:
    """`25%` for {{percentage|50|200}}."""
    part, whole, digits = [*positional(arguments), "", "", ""][:3]
    value = evaluate(f"({part})/({whole})*100") if part and whole else None
    if value is None:
        return f"{part}%" if part else ""
    precision = int(digits) if digits.isdecimal() and len(digits) == 1 else 0
    shown = f"{value:.{precision}f}" if precision or abs(value) >= 1 else f"{value:.2g}"
    return f"{group_digits(shown, arguments.page.language)}%"


_AREAS = {"sqmi": "sq mi", "mi2": "sq mi", "acre": "acre", "ha": "ha"}


def population_density(arguments: Arguments) -> str:
    """`5.7/km²` for {{pop density|3645257|640081.87|km2|sqmi}}."""
    people, area, unit = [*positional(arguments), "", "", ""][:3]
    value = (
        evaluate(f"({people.replace(',', '')})/({area.replace(',', '')})")
        if people and area
        else None
    )
    if value is None:
        return ""
    shown = f"{value:.1f}" if value < 100 else f"{value:,.0f}"
    return f"{shown}/{_AREAS.get(unit, 'km²')}"


_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(arguments: Arguments) -> str:
    """`twenty-one`; numbers from a hundred stay digits."""
    text = argument("1")(arguments)
    if not (text.isascii() and text.isdigit()) or int(text[:9]) > 99 or len(text) > 2:
        return text
    tens, ones = divmod(int(text), 10)
    if int(text) < len(_ONES):
        return _ONES[int(text)]
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


_ROMAN = [
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
]  # fmt: skip


def roman(arguments: Arguments) -> str:
    """`XIV`."""
    text = argument("1")(arguments)
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        return text
    number, shown = int(text), ""
    for value, numeral in _ROMAN:
        shown += numeral * (number // value)
        number %= value
    return shown


def total(arguments: Arguments) -> str:
    """The sum of the arguments."""
    value = evaluate("+".join(f"({part})" for part in positional(arguments) if part))
    return "" if value is None else group_digits(format_result(value), arguments.page.language)


def record(arguments: Arguments) -> str:
    """`10–5–2`: wins, losses and draws."""
    named = [argument(*names)(arguments) for names in (("w", "won", "1"), ("l", "lost", "2"),
             ("d", "t", "ties", "otl", "3"))]  # fmt: skip
    return "–".join(filter(None, named))


def season(arguments: Arguments) -> str:
    """`2011–12` for {{nbay|2011|start}}'s kind of template, which names the second year."""
    year = argument("1")(arguments)
    return f"{year}–{(int(year) + 1) % 100:02}" if len(year) == 4 and year.isdecimal() else year


_PERCENT = (
    "percentage|percent|pct|procent|процент|відсоток|prozent|porcentaje|porcentagem|percentuale|"
    "pourcentage|백분율|パーセント|درصد|نسبة|אחוז|yüzde|प्रतिशत|百分比|百分數"
)

TEMPLATES: dict[str, Expansion] = {
    "val": measured_value,
    "e": power_of_ten,
    **dict.fromkeys(["e-sp", "esp", "x10^", "10x", "tenx"], power_of_ten),
    **dict.fromkeys([*_PERCENT.split("|")], percentage),
    **dict.fromkeys(["pop density", "population density", "density"], population_density),
    **dict.fromkeys(
        ["number to words", "spellnum", "numtext", "spell number", "num2words"], in_words
    ),
    **dict.fromkeys(["roman", "roman numeral", "rn"], roman),
    **dict.fromkeys(["sum", "total"], total),
    **dict.fromkeys(["win-loss record", "wl record", "wlr", "w-l", "wdl"], record),
    **dict.fromkeys(["nbafy", "scfy", "nhly", "nbly", "ply", "season"], season),
    **dict.fromkeys(
        ["nts", "number", "formatnum", "num", "fmtn", "fnum"],
        lambda arguments: group_digits(argument("1")(arguments), arguments.page.language),
    ),
    "ordinal to word": lambda arguments: ordinal_number(argument("1")(arguments)),
    **dict.fromkeys(
        ["ntsh", "hs", "sort dash", "hidden sort key", "sortkey", "dtsh"], constant("")
    ),
    **rows(
        {
            "{2|1}": "sort|color box text|mlb year",
            "[{1} ]{2}": "sortname|sort name",
            "{1}": "mlby|nflyear|nfly|by|nbay|avyear|lty|ly|wcy|f1|uefa|escyear|escyr|"
            "baseball year|nhlyear|wnbay|mlsy|nlby|us$ in year|gbmapping|gbmap|oscoor",
            "{1} ({2})": "abbrwithdef",
            "{title|2}": "cfb link|cbb link",
            "#{1}": "hash|number sign",
        }
    ),
}
