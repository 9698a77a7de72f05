"""The templates whose text is part of the sentence around them.

A Wikipedia has hundreds of thousands of templates. Nearly all show something beside the text (a
box, a note, a reference, a picture) and are dropped, as are pronunciations. Those listed here
stand in prose: they are the ones that do so in the sample's articles, with common aliases. There,
{{convert}} stands 430 times, {{lang}} 214, {{small}} 98, {{flag}} 76, {{transl}} 52, {{nowrap}}
48, {{nihongo}} 46, {{chem}} 35, {{quote}} 32, {{as of}} 30, the others less often; "is
{{convert|5|km}} long" says nothing without them.
"""

from __future__ import annotations

from functools import partial

from wiki_embeddings.sources.wikitext.digits import grouped, superscript
from wiki_embeddings.sources.wikitext.markers import CITATION, shield
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    around,
    as_of,
    chemical_formula,
    circa,
    columns,
    constant,
    coordinates,
    fraction,
    harvard,
    interlanguage_link,
    joined,
    language,
    last,
    listed,
    music,
    nihongo,
    nuclide,
    old_style_date,
    power_of_ten,
    quotation,
    value,
)
from wiki_embeddings.sources.wikitext.templates.units import measure

_LANGUAGES = {
    "aln": "Gheg Albanian",
    "ar": "Arabic",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "ber": "Berber",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "grc": "Ancient Greek",
    "grc-gre": "Greek",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "la": "Latin",
    "lv": "Latvian",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mt": "Maltese",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "ps": "Pashto",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "rus": "Russian",
    "sk": "Slovak",
    "sq": "Albanian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "zh": "Chinese",
}

_STYLES = [
    "abbr", "bdo", "big", "center", "large", "larger", "longitem", "midsize", "nastaliq", "nobold",
    "nobr", "noitalic", "nowrap", "nq", "small", "smaller", "smallcaps", "sub", "tooltip",
    "vanchor", "visible anchor", "vr",
]  # fmt: skip

EXPANSIONS: dict[str, Expansion] = {
    # Styles, and notes that only show when the pointer is over the text.
    **dict.fromkeys(_STYLES, argument("1")),
    "resize": last,
    "sc": lambda arguments: argument("1")(arguments).upper(),
    "sup": lambda arguments: superscript(argument("1")(arguments)),
    # Words of other languages.
    **dict.fromkeys(
        ["lang", "native name", "rtl-lang", "script", "script/arabic", "transl", "transliteration"],
        last,
    ),
    "angbr": lambda arguments: f"⟨{argument('1')(arguments)}⟩",
    "ill": interlanguage_link,
    **dict.fromkeys(["ipa", "ipalink", "ipaslink"], argument("1")),
    "linktext": joined(" "),
    "sic": lambda arguments: f"{joined('')(arguments)} [sic]",
    "nihongo": nihongo,
    # Numbers, dates, formulas.
    **dict.fromkeys(["as of", "asof"], as_of),
    **dict.fromkeys(["c.", "circa"], circa),
    **dict.fromkeys(["chem", "chem2"], chemical_formula),
    **dict.fromkeys(["convert", "cvt"], measure),
    **dict.fromkeys(["frac", "fraction", "sfrac"], fraction),
    **dict.fromkeys(["nuclide", "nuclide2", "simplenuclide", "simplenuclide2"], nuclide),
    **dict.fromkeys(["coor", "coord"], coordinates),
    "e": power_of_ten,
    **dict.fromkeys(["railgauge", "track gauge"], argument("1")),
    "nts": lambda arguments: grouped(argument("1")(arguments)),
    "oldstyledate": old_style_date,
    "us$": around("US$"),
    "val": value,
    # Names.
    **dict.fromkeys(["citation", "harvard citation"], constant(CITATION)),
    "bibleref": joined(" "),
    "carbon": constant("C"),
    "epc 1973 rule": around("Rule ", " EPC 1973"),
    "epc article": around("Article ", " EPC"),
    "epc rule": around("Rule ", " EPC"),
    "flag": argument("name", "1"),
    "harvtxt": harvard,
    "hms": around("HMS "),
    "hydrogen": constant("H"),
    "keypress": joined("+"),
    "mv": around("MV "),
    "pct rule": around("Rule ", " PCT"),
    "ss": around("SS "),
    "us patent": around("U.S. Patent "),
    "uss": around("USS "),
    # Paragraphs and lists.
    **dict.fromkeys(["blockquote", "bquote", "cquote", "quotation", "quote"], quotation),
    **dict.fromkeys(["hlist", "ordered list", "ubl", "unbulleted list"], listed),
    "columns-list": last,
    "columns": columns,
    "plainlist": argument("1"),
    "pre2": last,
    # Signs that are awkward to type; as text, no longer markup.
    "!": constant("|"),
    "'": constant(shield("'")),
    "'s": constant(shield("'s")),
    "' \"": constant(shield("'\"")),
    "\" '": constant(shield("\"'")),
    '-"': constant('"'),
    "=": constant("="),
    "\\": constant(" / "),
    **dict.fromkeys(["·", "dot"], constant(" · ")),
    "eqm": constant(" ⇌ "),
    "extinct": constant("†"),
    "music": music,
    **dict.fromkeys(["mdash", "mdashb"], constant("—")),
    **dict.fromkeys(["nbsp", "spaces", "thinsp"], constant(" ")),
    "ndash": constant("–"),
    **dict.fromkeys(["snd", "snds", "spaced ndash"], constant(" – ")),
}
"""What each template shows, by its name in lower case with spaces."""


def expansion_of(name: str) -> Expansion | None:
    """Finds what a template shows.

    Args:
        name: The template's name as the page writes it.

    Returns:
        The function that makes its text, or None for a template that is dropped.
    """
    name = " ".join(name.replace("_", " ").split()).lower()
    if name.startswith("formatnum:"):
        return constant(grouped(name.removeprefix("formatnum:")))
    if name.startswith(("cite ", "vcite ")):
        return constant(CITATION)
    if name.startswith("lang-"):
        return partial(language, _LANGUAGES.get(name.removeprefix("lang-"), ""))
    return EXPANSIONS.get(name)
