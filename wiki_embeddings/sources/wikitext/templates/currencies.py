"""Templates for sums of money, with the sign of the currency before the number."""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.digits import group_digits
from wiki_embeddings.sources.wikitext.expressions import evaluate
from wiki_embeddings.sources.wikitext.page import locale_of
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    rows,
)

SIGNS = {
    "A$": "a$|aud|au$|australian dollar",
    "Ar$": "ars",
    "R$": "brl|r$|brazilian real",
    "CA$": "cad|ca$|c$|can$",
    "CHF ": "chf|swiss franc",
    "CN¥": "cny|cn¥|cny¥|rmb|renminbi|yuan",
    "Kč ": "czk",
    "DM ": "dem|deutsche mark",
    "DKK ": "dkk",
    "€": "eur|euro|€|euros",
    "₣": "frf|french franc",
    "ƒ": "nlg|guilder|gulden|fl",
    "₤": "itl",
    "₧": "esp peseta|peseta|pesetas",
    "£": "gbp|£|pound sterling|pound|£m",
    "HK$": "hkd|hk$",
    "Ft ": "huf",
    "Rp": "idr",
    "₪": "ils|nis|₪|shekel",
    "₹": "inr|₹|indian rupee|indian rupee symbol|rupee|inrs",
    "¥": "jpy|¥|yen|japanese yen",
    "₩": "krw|₩|south korean won|won",
    "Mex$": "mxn|mx$",
    "RM": "myr|rm",
    "₦": "ngn|₦|naira",
    "NOK ": "nok",
    "NT$": "twd|nt$|ntd",
    "NZ$": "nzd|nz$|new zealand dollar",
    "₱": "php|₱|philippine peso",
    "Rs. ": "pkr|pkrs",
    "PLN ": "pln",
    "₽": "rub|₽|russian ruble",
    "SEK ": "sek",
    "S$": "sgd|s$",
    "฿": "thb|฿",
    "₺": "try|₺|turkish lira",
    "৳": "bdt|৳",
    "₫": "vnd|₫",
    "₴": "uah|₴|hryvnia",
    "US$": "usd|us$|us dollar|usdollar|united states dollar|u.s. dollar",
    "R": "zar|south african rand",
}
"""Names of templates, which are mostly codes of ISO 4217, by the sign that they show."""

_CODE = re.compile("[A-Z]{3}")
_BY_CODE = {name: sign for sign, names in SIGNS.items() for name in names.split("|")}
_CODE_ARGUMENTS = {"c": " crore", "l": " lakh", "m": " million", "b": " billion", "t": " trillion",
                   "lc": " lakh crore", "k": " thousand"}  # fmt: skip


def money(sign: str) -> Expansion:
    """Show a sum after a sign, or the sign alone: `US$5 million`."""

    def expand(arguments: Arguments) -> str:
        amount = argument("1", "amount")(arguments)
        return sign + group_digits(amount) if amount else sign.strip()

    return expand


def lone_code(name: str) -> Expansion | None:
    """Return what {{sek|500}} shows, for any code of ISO 4217 and a number."""
    code = name.upper()
    if not _CODE.fullmatch(code) or code not in locale_of("en").currencies:
        return None
    return lambda arguments: (
        f"{code} {group_digits(arguments['1'], arguments.page.language)}"
        if arguments.get("1", "")[:1].isdecimal()
        else ""
    )


def rupees(arguments: Arguments) -> str:
    """`₹5 crore` for {{INRConvert|5|c}}."""
    amount, multiple = argument("1")(arguments), arguments.get("2", "")
    return f"₹{group_digits(amount)}{_CODE_ARGUMENTS.get(multiple, '')}" if amount else "₹"


def currency(arguments: Arguments) -> str:
    """`US$5` for {{currency|5|USD}}."""
    code = argument("2", "type", "code")(arguments).lower()
    amount = group_digits(argument("1", "amount")(arguments))
    return _BY_CODE.get(code, code.upper() + " ") + amount if amount else ""


def pounds_shillings_pence(arguments: Arguments) -> str:
    """`£1 2s 3d`."""
    pounds, shillings, pence = (
        argument(number, letter)(arguments) for number, letter in zip("123", "lsd", strict=True)
    )
    parts = [f"£{group_digits(pounds)}" if pounds else "", f"{shillings}s" if shillings else "",
             f"{pence}d" if pence else ""]  # fmt: skip
    return " ".join(filter(None, parts))


_LARGE = [(1e12, "trillion"), (1e9, "billion"), (1e6, "million")]


def format_price(arguments: Arguments) -> str:
    """`1.23 million` for 1234567."""
    value = evaluate(argument("1")(arguments).replace(",", ""))
    if value is None:
        return ""
    for size, word in _LARGE:
        if abs(value) >= size:
            return f"{value / size:.3g} {word}"
    return f"{round(value):,}" if abs(value) >= 100 else f"{value:.3g}"


TEMPLATES: dict[str, Expansion] = {
    **{name: money(sign) for name, sign in _BY_CODE.items()},
    **dict.fromkeys(["inrconvert", "indian rupees"], rupees),
    "currency": currency,
    **dict.fromkeys(["£sd", "lsd"], pounds_shillings_pence),
    "format price": format_price,
    **rows({"¢{1}": "cent", "{1}": "usdcad|us$convert"}),
    "pound sign": constant("£"),
    "euro sign": constant("€"),
}
