"""Parser functions and variables of MediaWiki: {{#if:…}}, {{lc:…}}, {{PAGENAME}}.

Those of https://www.mediawiki.org/wiki/Help:Extension:ParserFunctions and
https://www.mediawiki.org/wiki/Help:Magic_words whose result depends on the page alone. The others
vanish: modules ({{#invoke:…}}), other pages, Wikidata, today's date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from urllib.parse import quote_plus

from babel.dates import format_date

from wiki_embeddings.sources.wikitext.calendar_dates import parse_date
from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.expressions import evaluate, format_result
from wiki_embeddings.sources.wikitext.markers import HOLE, REMOVED
from wiki_embeddings.sources.wikitext.page import Page, locale_of

Parts = Sequence[str]
"""Rendered text between the bars, the first one after the colon; with `name=` where it has one."""

_TRIMMED = " \t\n\r\v\0"
"""White space that MediaWiki trims from an argument: no-break spaces are text."""

_NOTHING = f"{_TRIMMED}{HOLE}{REMOVED}"


def _if(parts: Parts, _: Page) -> str:
    return _choose(bool(parts[0].strip(_NOTHING)), parts[1:])


def _ifeq(parts: Parts, _: Page) -> str:
    left, right = parts[0].strip(_NOTHING), _get(parts, 1).strip(_NOTHING)
    return _choose(left == right or _is_same_number(left, right), parts[2:])


def _is_same_number(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return False


def _ifexpr(parts: Parts, _: Page) -> str:
    value = evaluate(parts[0])
    return "" if value is None and parts[0].strip() else _choose(bool(value), parts[1:])


def _iferror(parts: Parts, _: Page) -> str:
    """No function of ours fails with an error's markup, so the tested text has none."""
    return _get(parts, 2) if len(parts) > 2 else parts[0].strip(_TRIMMED)


def _ifexist(parts: Parts, _: Page) -> str:
    """Most pages that an article asks for exist."""
    return _choose(condition=True, parts=parts[1:])


def _choose(condition: bool, parts: Parts) -> str:
    return _get(parts, 0 if condition else 1)


def _get(parts: Parts, index: int) -> str:
    return parts[index].strip(_TRIMMED) if index < len(parts) else ""


def _switch(parts: Parts, _: Page) -> str:
    """The text of the first case that is the subject; cases without a text share the next one."""
    subject, found, default = parts[0].strip(_NOTHING), False, ""
    for index, part in enumerate(parts[1:], 1):
        case, equals, text = part.partition("=")
        case = case.strip()
        if not equals:
            if index == len(parts) - 1:
                return case
            found = found or case == subject or _is_same_number(case, subject)
        elif found or case == subject or _is_same_number(case, subject):
            return text.strip(_TRIMMED)
        elif case == "#default":
            default = text.strip(_TRIMMED)
    return default


def _expr(parts: Parts, _: Page) -> str:
    value = evaluate(parts[0])
    return "" if value is None else format_result(value)


_TIME = {
    "d": "dd", "j": "d", "D": "EEE", "l": "EEEE", "F": "LLLL", "M": "LLL", "m": "MM", "n": "M",
    "xg": "MMMM", "Y": "y", "y": "yy", "z": "D", "W": "w",
}  # fmt: skip
"""CLDR's pattern of each code of #time that does not need the time of day."""


def _time(parts: Parts, page: Page) -> str:
    """A date in the page; nothing without one, because it would be today's."""
    moment = parse_date(_get(parts, 1))
    if moment is None:
        return ""
    language = _get(parts, 2) or page.language
    return _format_time(parts[0].strip(), moment, language)


def _format_time(pattern: str, moment: date, language: str) -> str:
    text, position = "", 0
    while position < len(pattern):
        code = "xg" if pattern.startswith("xg", position) else pattern[position]
        position += len(code)
        if code == '"' and (end := pattern.find('"', position)) >= 0:
            text += pattern[position:end]
            position = end + 1
        elif code == "\\":
            text += pattern[position : position + 1]
            position += 1
        elif code in _TIME:
            text += format_date(moment, _TIME[code], locale=locale_of(language))
        else:
            text += code
    return text


def _plural(parts: Parts, page: Page) -> str:
    number, forms = parts[0].strip().replace(",", ""), [part.strip() for part in parts[1:]]
    for form in list(forms):
        count, equals, text = form.partition("=")
        if equals and count.strip().isdecimal():
            if count.strip() == number:
                return text.strip(_TRIMMED)
            forms.remove(form)
    if not forms:
        return ""
    value = evaluate(number) or 0
    rule = locale_of(page.language).plural_form
    tags = [tag for tag in ("zero", "one", "two", "few", "many") if tag in rule.tags]
    tag = rule(value)
    return forms[min(tags.index(tag) if tag in tags else len(forms) - 1, len(forms) - 1)]


def _formatnum(parts: Parts, page: Page) -> str:
    if _get(parts, 1).upper() == "R":
        return parts[0].strip().replace(",", "")
    if _get(parts, 1).upper() == "NOSEP":
        return parts[0].strip()
    return group_digits(parts[0], page.language).replace("−", "-")


def _ucfirst(parts: Parts, _: Page) -> str:
    text = parts[0].strip()
    return text[:1].upper() + text[1:]


def _lcfirst(parts: Parts, _: Page) -> str:
    text = parts[0].strip()
    return text[:1].lower() + text[1:]


def _pad(parts: Parts, *, left: bool) -> str:
    text, width, filler = parts[0].strip(), _get(parts, 1), _get(parts, 2) or "0"
    missing = min(int(width), 500) - len(text) if width.isdecimal() and len(width) < 5 else 0
    padding = (filler * max(0, missing))[: max(0, missing)]
    return padding + text if left else text + padding


def _tag(parts: Parts, _: Page) -> str:
    """Text of an extension tag that shows its content as it is."""
    return _get(parts, 1) if parts[0].strip().lower() in {"nowiki", "poem", "math", "pre"} else ""


def _titleparts(parts: Parts, _: Page) -> str:
    words, count, first = parts[0].strip().split("/"), _get(parts, 1), _get(parts, 2)
    start = int(first) - 1 if first.isdecimal() and int(first) else 0
    end = start + int(count) if count.isdecimal() and int(count) else None
    return "/".join(words[start:end])


def _language(parts: Parts, page: Page) -> str:
    """The name of a language, in itself or in another one."""
    code = parts[0].strip()
    names = locale_of(_get(parts, 1) or code or page.language).languages
    return str(names.get(code, code))


def _first(parts: Parts, _: Page) -> str:
    return parts[0].strip()


def _second(parts: Parts, _: Page) -> str:
    return _get(parts, 1)


FUNCTIONS: dict[str, Callable[[Parts, Page], str]] = {
    "#if": _if,
    "#ifeq": _ifeq,
    "#iferror": _iferror,
    "#ifexist": _ifexist,
    "#ifexpr": _ifexpr,
    "#switch": _switch,
    "#expr": _expr,
    "#time": _time,
    "#timel": _time,
    "#dateformat": _first,
    "formatdate": _first,
    "#language": _language,
    "#len": lambda parts, _: str(len(parts[0].strip())),
    "#tag": _tag,
    "#titleparts": _titleparts,
    "anchorencode": _first,
    "formatnum": _formatnum,
    "gender": _second,
    "grammar": _second,
    "int": _first,
    "lc": lambda parts, _: parts[0].strip().lower(),
    "lcfirst": _lcfirst,
    "noexternallanglinks": lambda _parts, _page: "",
    "padleft": lambda parts, _: _pad(parts, left=True),
    "padright": lambda parts, _: _pad(parts, left=False),
    "plural": _plural,
    "uc": lambda parts, _: parts[0].strip().upper(),
    "ucfirst": _ucfirst,
    "urlencode": lambda parts, _: quote_plus(parts[0].strip()),
}

NAMED_FUNCTIONS = [name for name in FUNCTIONS if not name.startswith("#")]
"""Those without a number sign, which a page may confuse with templates."""

VARIABLES: dict[str, Callable[[Page], str]] = {
    "!": lambda _: "|",
    "=": lambda _: "=",
    "BASEPAGENAME": lambda page: page.title.rpartition("/")[0] or page.title,
    "CONTENTLANGUAGE": lambda page: page.language,
    "FULLPAGENAME": lambda page: page.title,
    "PAGENAME": lambda page: page.title,
    "SITENAME": lambda _: "Wikipedia",
    "SUBPAGENAME": lambda page: page.title.rpartition("/")[2],
}


def expand_function(name: str, parts: Parts, page: Page) -> str:
    """Compute a parser function; empty for one that is not known.

    Args:
        name: What stands before the first colon.
        parts: What stands after it, split at the bars.
        page: The page that calls it.
    """
    name = name.strip().lower()
    for prefix in ("subst:", "safesubst:"):
        name = name.removeprefix(prefix).strip()
    function = FUNCTIONS.get(name)
    return "" if function is None else function(parts, page)
