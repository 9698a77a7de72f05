"""Templates for dates, ages, and the years of a life or a reign."""

from __future__ import annotations

import re
from datetime import date

from wiki_embeddings.sources.wikitext.calendar_dates import (
    format_parts,
    make_date,
    month_number,
    parse_date,
    years_between,
)
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    positional,
    rows,
)

_YES = {"y", "yes", "true", "1"}


def as_of(arguments: Arguments) -> str:
    """`As of 30 June 2015`."""
    if arguments.get("alt"):
        return arguments["alt"]
    first = "since" if arguments.get("since") else "as of"
    if not arguments.get("lc"):
        first = first.capitalize()
    year, month, day = [*positional(arguments), "", "", ""][:3]
    month_first = arguments.get("df", "").startswith("US")
    return " ".join([first, format_parts(year, month, day, "en", month_first=month_first)])


def _day_first(arguments: Arguments) -> bool:
    return arguments.get("df", "") in _YES


def _format(arguments: Arguments, parts: list[str]) -> str:
    """Write year, month and day in the wiki's language, in the order that the page asks for."""
    year, month, day = [*parts, "", "", ""][:3]
    if not year or not year[:1].isdigit():
        return year
    language = arguments.page.language
    return format_parts(year, month, day, language, month_first=not _day_first(arguments))


def numeric_date(arguments: Arguments) -> str:
    """`May 1, 1950` for {{birth date|1950|5|1}}; text instead of numbers stays as it is."""
    parts = [part for part in positional(arguments) if part]
    return _format(arguments, parts[:3])


def later_date(arguments: Arguments) -> str:
    """A death after the birth: `May 1, 2000 (aged 49)` for {{death date and age|2000|5|1|…}}."""
    parts = [part for part in positional(arguments) if part]
    died, born = parts[:3], parts[3:6]
    text = _format(arguments, died)
    if len(born) < 3:
        return text
    dates = make_date(*died), make_date(*born)
    if dates[0] is None or dates[1] is None:
        return text
    return f"{text} (aged {years_between(dates[1], dates[0])})"


def text_date(arguments: Arguments) -> str:
    """The first argument, a date in words, as {{birth-date|7 December 1941}} shows it."""
    return argument("1")(arguments)


def start_and_end(arguments: Arguments) -> str:
    """`July 16, 1969 – July 24, 1969` for six numbers."""
    parts = positional(arguments)
    dates = [_format(arguments, parts[:3]), _format(arguments, parts[3:6])]
    return " – ".join(filter(None, dates))


def age(arguments: Arguments) -> str:
    """Whole years between two dates; nothing for an age today."""
    parts = [part for part in positional(arguments) if part]
    if len(parts) < 6:
        whole = [parse_date(part) for part in parts]
        if len(whole) != 2 or whole[0] is None or whole[1] is None:
            return ""
        return str(years_between(whole[0], whole[1]))
    born, died = make_date(*parts[:3]), make_date(*parts[3:6])
    return "" if born is None or died is None else str(years_between(born, died))


def age_in_days(arguments: Arguments) -> str:
    """Days between two dates; nothing for an age today."""
    parts = [part for part in positional(arguments) if part]
    first, last = (
        [make_date(*parts[:3]), make_date(*parts[3:6])] if len(parts) > 5 else [None, None]
    )
    return "" if first is None or last is None else f"{abs((last - first).days):,}"


def age_in_units(arguments: Arguments) -> str:
    """`18 years, 53 days` between two dates; nothing for an age today."""
    parts = [part for part in positional(arguments) if part]
    if len(parts) < 6:
        return ""
    first, last = make_date(*parts[:3]), make_date(*parts[3:6])
    if first is None or last is None or last < first:
        return ""
    years = years_between(first, last)
    since = date(first.year + years, first.month, min(first.day, 28))
    days = (last - since).days - (first.day - since.day)
    return f"{years} years, {days} days"


def circa(arguments: Arguments) -> str:
    """`c. 3000`, or `c.` before a number that follows the template."""
    return " – ".join(f"c. {year}" for year in positional(arguments) if year) or "c."


def years(prefix: str) -> Expansion:
    """Show the years of a reign or a life: `r. 1500–1520`."""

    def expand(arguments: Arguments) -> str:
        span = "–".join(filter(None, positional(arguments)[:2]))
        return f"{prefix} {span}".strip()

    return expand


def any_date(arguments: Arguments) -> str:
    """`5 January 2011` for {{date|2011-01-05}} and {{dts|2011|1|5}}; other text stays."""
    first, *rest = positional(arguments) or [""]
    moment = parse_date(first)
    language = arguments.page.language
    if moment is not None and "-" in first:
        month_first = "mdy" in rest
        numbers = [str(moment.year), str(moment.month), str(moment.day)]
        if len(first) < 8:
            numbers[2] = ""
        year, month, day = numbers
        return format_parts(year, month, day, language, month_first=month_first)
    if first.isdecimal() and len(first) > 2 and rest[:1] and month_number(rest[0], language):
        return _format(arguments, [first, *rest[:2]])
    if rest[1:] and (first.isdecimal() or not first) and month_number(rest[0], language):
        return format_parts(rest[1], rest[0], first, language)
    return first


def old_style_date(arguments: Arguments) -> str:
    """`February 2 [O.S. January 20] 1905`."""
    new, year, old = [*positional(arguments), "", "", ""][:3]
    return " ".join(filter(None, [new, f"[O.S. {old}]" if old else "", year]))


def marriage(arguments: Arguments) -> str:
    """`Jane Doe (m. 1950; div. 1960)`."""
    spouse, start, end = [*positional(arguments), "", "", ""][:3]
    reason = {
        "divorced": "div.",
        "div": "div.",
        "divorce": "div.",
        "died": "died",
        "d": "died",
    }.get(arguments.get("end", arguments.get("reason", "")), arguments.get("end", ""))
    parts = [f"m. {start}" if start else "", f"{reason or 'div.'} {end}" if end else ""]
    span = "; ".join(filter(None, parts))
    return f"{spouse} ({span})" if span else spouse


def duration(arguments: Arguments) -> str:
    """`1:05:30` for three numbers, hours first."""
    values = [
        argument(number, letter, letter.lower())(arguments)
        for number, letter in zip("123", "hms", strict=True)
    ]
    while values and not values[0].lstrip("0"):
        values.pop(0)
    if len(values) == 1:
        return f"0:{values[0].zfill(2)}"
    return ":".join([values[0], *(value.zfill(2) for value in values[1:])]) if values else ""


def month_name(arguments: Arguments) -> str:
    """`May` for 5."""
    return format_parts("", argument("1")(arguments), "", arguments.page.language)


_ORDINALS = {
    "cs": "{}.", "da": "{}.", "de": "{}.", "es": "{}.º", "fi": "{}.", "fr": "{}e", "it": "{}º",
    "ja": "第{}", "nl": "{}e", "no": "{}.", "pl": "{}.", "pt": "{}.º", "ru": "{}-й", "sv": "{}:e",
    "tr": "{}.", "uk": "{}-й", "zh": "第{}",
}  # fmt: skip


def century(arguments: Arguments) -> str:
    """`19th`, or what the wiki's language writes."""
    number, language = argument("1")(arguments), arguments.page.language
    if language in _ORDINALS and number.isdecimal():
        return _ORDINALS[language].format(number)
    return ordinal_number(number)


_ENDS_IN_DIGIT = re.compile(r"[0-9,]*[0-9]")


def ordinal_number(number: str) -> str:
    """`21st`."""
    if not _ENDS_IN_DIGIT.fullmatch(number):
        return number
    is_teen = number[-2:-1] == "1"
    ending = "th" if is_teen else {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    return number + ending


def local_date(language: str, order: str) -> Expansion:
    """Show a date of numbers in the language of the edition that has this template.

    Args:
        language: Language code of the edition.
        order: Order of the arguments, `dmy` or `ymd`. Three further ones are a second date, of
            which only the age follows from it, so they are not shown.
    """

    def expand(arguments: Arguments) -> str:
        parts = dict(zip(order, positional(arguments), strict=False))
        year, month, day = (parts.get(part, "") for part in "ymd")
        if 0 < len(year) < 3 <= len(day):
            year, day = day, year
        if not year and not month:
            text = day or year
            moment = parse_date("-".join(reversed(text.split("."))))
            if moment is None:
                return text
            year, month, day = str(moment.year), str(moment.month), str(moment.day)
        return format_parts(year, month, day, language)

    return expand


_BIRTH = (
    "birth date|birth date and age|dob|bda|birthdate|birthdate and age|birth date and given age"
)
_NUMERIC = (
    "start date|start date and age|startdate|end date|enddate|end date and age|film date|"
    "launch date|"
    "released|release date|sd|ed|dtm|birth year and age|birth year|start-year|date of birth|"
    "date de naissance|datum narození|datum narození a věk"
)

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(["as of", "asof"], as_of),
    **dict.fromkeys([*_BIRTH.split("|"), *_NUMERIC.split("|")], numeric_date),
    **dict.fromkeys(["birth year and age", "birth year"], argument("1")),
    **dict.fromkeys(
        ["death date and age", "dda", "death date", "deathdate and age",
        "death date and given age"],
        later_date,
    ),
    **dict.fromkeys(
        ["birth-date", "birth-date and age", "death-date", "death-date and age", "start-date",
        "end-date", "death year and age", "death year"],
        text_date,
    ),
    **dict.fromkeys(["start and end dates", "start and end date", "daterange"], start_and_end),
    **dict.fromkeys(["age", "age in years", "aged", "years between"], age),
    **dict.fromkeys(["age in years and days", "age in years, months and days", "ayd"],
    age_in_units),
    **dict.fromkeys(["age in days", "days between", "number of days"], age_in_days),
    **dict.fromkeys(["c.", "ca.", "circa", "ca"], circa),
    **dict.fromkeys(["floruit", "fl.", "fl"], years("fl.")),
    **dict.fromkeys(["reign", "r.", "ruled"], years("r.")),
    **dict.fromkeys(["born", "b.", "b", "born-in"], years("b.")),
    **dict.fromkeys(["born in"], years("born")),
    **dict.fromkeys(["died in"], years("died")),
    **dict.fromkeys(["died", "d.", "died-in"], years("d.")),
    **dict.fromkeys(
        ["date", "dts", "date table sorting", "fdate", "dmy", "dtdate", "format date", "mdy"],
        any_date,
    ),
    **dict.fromkeys(["oldstyledate", "oldstyledatedy", "old style date"], old_style_date),
    **dict.fromkeys(["marriage", "married"], marriage),
    **dict.fromkeys(["duration", "hms duration"], duration),
    **dict.fromkeys(["monthname", "month name", "month"], month_name),
    **dict.fromkeys(["ordinal", "ord", "century", "ordinal number"], century),
    **dict.fromkeys(["oldstyledatenotice"], constant("")),
    **rows(
        {
            "née {1}": "née|nee|née name",
            "né {1}": "né",
            "{1} BC": "bc",
            "{1} BCE": "bce",
            "{1} CE": "ce",
            "AD {1}": "ad",
            "{1}–{2}": "year range|yr range",
            "{1}": "timeline-year|year|tooltip date|start date text|circadate",
            "m. {1}[–{2}]": "m.|married in",
            "{1}[ (age {2})]": "with age",
        }
    ),
}  # fmt: skip
TEMPLATES["née"] = TEMPLATES["nee"] = lambda arguments: f"née {argument('1')(arguments)}".strip()
