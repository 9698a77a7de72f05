"""Templates that show the name of a country, mostly beside its flag."""

from __future__ import annotations

import re

from babel.core import get_global

from wiki_embeddings.sources.wikitext.page import locale_of
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    rows,
)

# Codes of the International Olympic Committee and of FIFA that are not those of ISO 3166.
_PAIRS = """
    ALG:DZ ANG:AO ANT:AG ARU:AW ASA:AS BAH:BS BAN:BD BAR:BB BER:BM BHU:BT BIZ:BZ BOT:BW BRU:BN
    BUL:BG BUR:BF CAM:KH CAY:KY CGO:CG CHA:TD CHI:CL CRC:CR CRO:HR CTA:CF DEN:DK ESA:SV FIJ:FJ
    GAM:GM GBS:GW GEQ:GQ GER:DE GRE:GR GRN:GD GUA:GT GUI:GN HAI:HT HON:HN INA:ID IRI:IR ISV:VI
    IVB:VG KSA:SA KUW:KW LAT:LV LBA:LY LES:LS LIB:LB MAD:MG MAS:MY MAW:MW MGL:MN MON:MC MRI:MU
    MTN:MR MYA:MM NCA:NI NED:NL NEP:NP NGR:NG NIG:NE OMA:OM PAR:PY PHI:PH PLE:PS POR:PT PUR:PR
    RSA:ZA SAM:WS SEY:SC SIN:SG SKN:KN SLO:SI SOL:SB SRI:LK SUD:SD SUI:CH TAN:TZ TGA:TO TOG:TG
    TPE:TW TRI:TT UAE:AE URU:UY VAN:VU VIE:VN VIN:VC ZAM:ZM ZIM:ZW MKD:MK KOS:XK KVX:XK ROM:RO
"""
_SPORTS_CODES = dict(pair.split(":") for pair in _PAIRS.split())
_OTHER_NAMES = {
    "ENG": "England", "SCO": "Scotland", "WAL": "Wales", "NIR": "Northern Ireland",
    "URS": "Soviet Union", "USSR": "Soviet Union", "TCH": "Czechoslovakia", "CSK": "Czechoslovakia",
    "YUG": "Yugoslavia", "GDR": "East Germany", "FRG": "West Germany",
    "SCG": "Serbia and Montenegro",
    "EU": "European Union", "UK": "United Kingdom", "TUR": "Turkey", "CIV": "Ivory Coast",
    "COD": "DR Congo", "HKG": "Hong Kong", "CZE": "Czech Republic", "MAC": "Macau",
    "BIH": "Bosnia and Herzegovina", "TTO": "Trinidad and Tobago", "ATG": "Antigua and Barbuda",
    "CGO": "Congo",
    "COG": "Congo", "PLE": "Palestine", "PSE": "Palestine", "MMR": "Myanmar", "MYA": "Myanmar",
    "TRI": "Trinidad and Tobago", "ANT": "Antigua and Barbuda", "STP": "São Tomé and Príncipe",
}  # fmt: skip
"""English names, of countries that CLDR does not know or names in another way."""

_CODE = re.compile(r"[A-Z]{2,4}")


def country_name(code: str, language: str = "en") -> str:
    """Return the name of a country in a wiki's language; empty if the code is not known."""
    locale = locale_of(language)
    if locale.language == "en" and code in _OTHER_NAMES:
        return _OTHER_NAMES[code]
    alpha_2 = _SPORTS_CODES.get(code, code)
    if len(alpha_2) > 2:
        alpha_2 = get_global("territory_aliases").get(alpha_2, [""])[0]
    name = locale.territories.get(alpha_2, "") or _OTHER_NAMES.get(code, "")
    if locale.language == "en":
        name = name.replace(" & ", " and ").replace("St. ", "Saint ")
    return name


def flag(arguments: Arguments) -> str:
    """`France` for {{flag|FRA}} and {{flag|France|1794}}."""
    if shown := argument("name")(arguments):
        return shown
    country = argument("1")(arguments)
    if country.islower() and len(country) <= 3 and arguments.get("2"):
        country = arguments["2"]
    return country_name(country, arguments.page.language) or country


def athlete(arguments: Arguments) -> str:
    """`Usain Bolt (JAM)`."""
    name, country = argument("1")(arguments), argument("2")(arguments)
    return f"{name} ({country})" if name and country else name


def lone_code(name: str) -> Expansion | None:
    """Return what {{FRA}} shows: templates that are named by a country's code in capitals."""
    if not _CODE.fullmatch(name) or len(name) == 2 or not country_name(name):
        return None
    return lambda arguments: (
        argument("name")(arguments) or country_name(name, arguments.page.language)
    )


_SHOWN = """
flag|flagu|flagcountry|flagg|flaglist|flag country|flag link|flaglink|noflag|country|nocountry|
flagioc|flagioc2|flagioc2team|flagioc2medalist|flagpara|flagcgf|flagsea|
flag2|flag+link|flag entity|flagathlete2|
fb|fbw|fb-rt|fbu|fbu-rt|nft|wnft|ru|ru-rt|ruw|rl|cr|cr-rt|crw|bk|bkw|bb|vb|vbw|ih|ihw|hb|hbw|fh|
fhw|ft|cricon|esc|polit|
mil|army|navy|air force|pays|bandera2|ülke|страна|国|국기|ülke bayrağı|
kraj|země|country alias|flagteam|drapeau2
"""

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys("".join(_SHOWN.split("\n")).split("|"), flag),
    **dict.fromkeys(["flagathlete", "flagiocathlete", "flagmedalist", "flagiocmedalist"], athlete),
    **dict.fromkeys(
        ["flagicon", "flag icon", "flagdeco", "flagicon image", "fbicon", "flagicon2", "crficon"],
        constant(""),
    ),
    **rows({"{1}": "royal monogram text|party name with colour|party shortname"}),
}
