"""Templates for the style of a text, and for characters that are awkward to type."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import superscript
from wiki_embeddings.sources.wikitext.markers import LINE_BREAK, PARAGRAPH_BREAK, protect
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Arguments,
    Expansion,
    argument,
    constant,
    joined,
    last,
    positional,
    rows,
)

# Some of these are notes that only show when the pointer is over the text.
_STYLES = """
abbr|aut|abbrlink|acronym|bdo|big|center|large|larger|longitem|midsize|nastaliq|nobold|nobr|noitalic|
noitalics|nowrap|nq|small|smaller|smallcaps|smallcaps all|sub|tooltip|vanchor|visible anchor|vr|em|
strong|bold|italic|italics|bi|b|i|u|ins|del|strikethrough|s|not a typo|proper name|as written|nat|
notatypo|serif|sans-serif|mono|monospace|larger text|huge|resize text|allcaps|title case|
anchor text|
dfn|highlight|strike|normal|text|nonbold|no italic|no bold|bigger|xx-large|x-larger|avoid wrap|
starred|nbsp text|script text|no wrap|linkable|white|lower|raise|superimpose text|plain link|
plainlink|crossreference|cross reference|crossref|transh|em dash text|longlink|keep|fake heading|
nonfree|samp|ltr|rtl|dir|bidi|nobreak|nw|wrap|sentence|uline|ul|quote inline|blue|red|green|gray|
grey|angbr text|comment|abkürzung|abréviation discrète|abreviatura|
abbreviazione|skrót|afk|förk|скор|сокр|略語|縮寫|缩写|약어|
kısaltma|اختصار|ראשי תיבות|подсказка|title|
hover title|popup|mouseover|define|abbreviation|mark|nobel|raw text|zwj text
"""


_TEXT = ("1", "text", "texte", "texto", "testo", "Text", "tekst")


def quoted(opening: str, closing: str) -> Expansion:
    """Show the first argument in quotation marks."""
    return lambda arguments: (
        f"{opening}{argument(*_TEXT)(arguments)}{closing}" if argument(*_TEXT)(arguments) else ""
    )


def color(arguments: Arguments) -> str:
    """The text after one or two colours."""
    return argument("text")(arguments) or last(arguments)


def _upper(arguments: Arguments) -> str:
    return argument("1")(arguments).upper()


def _small_capitals(arguments: Arguments) -> str:
    """`BC` for {{sc|bc}}, and `John Ball` as it is: its capitals are larger than the others."""
    text = argument("1")(arguments)
    return text.upper() if text.islower() else text


def keys(arguments: Arguments) -> str:
    """`Ctrl+C`."""
    return protect("+").join(filter(None, positional(arguments)))


_COLORS = "kleur|farbe|färg|renk|цвет|колір|色|색|لون|رنگ|צבע|रंग|barva|culoare|couleur|kolor|väri"
_CHARACTERS = {
    "!": "|", "!!": "||", "=": "=", "'": "'", "'s": "'s", "' \"": "'\"", "\" '": "\"'",
    "'\"": "'\"", "\"'": "\"'", "(": "{", ")": "}", "((": "{{", "))": "}}", "*": "*",
    "asterisk": "*",
    "pipe": "|", "hash-tag": "#", "colon": ":", "semicolon": ";", "lbrace": "{", "rbrace": "}",
    "bracket": "[", "lbracket": "[", "rbracket": "]", "[": "[", "]": "]", "`": "`",
}  # fmt: skip
_SIGNS = {
    '"': '-"|"|quot|double quote',
    " / ": "\\|spaced slash",
    " · ": "·|dot|middot|interpunct|spd",
    " • ": "bull|•|bullet|sp•",
    " ⇌ ": "eqm",
    "†": "extinct|dagger|†|ddagger text|dag|sdag",
    "‡": "double dagger|double-dagger|‡|ddag|double-dag|daggerdouble",
    "—": "mdash|mdashb|em dash|emdash|—",
    " — ": "spaced mdash|spaced em dash|smd|snd em",
    "–": "ndash|en dash|endash|–|nsndns",
    " – ": "snd|snds|spaced ndash|spaced en dash|spnd|spndash|dash|en space dash|sndash|–spaced",
    "‑": "hyphen|nbhyph|nbh|nonbreaking hyphen|hyphen-minus|nbhyphen",
    " ": "hsp|nbsp|spaces|thinsp|space|nnbsp|hair space|hairsp|thin space|sp|ensp|emsp|pad|px2|"
    "gap|·nbsp|tsp|0ws|in5|indent",
    "...": "...|ellipsis|nbellipsis",
    "☉": "sun symbol|sun",
    "a.k.a.": "aka|a.k.a.",
    "et al.": "et al.|etal|et al|etalia",
    "i.e.": "i.e.|ie",
    "e.g.": "e.g.|eg",
    "N/A": "n/a|na",
    "—N/a": "n/a text",
    "✓": "check|checkmark|tick mark",
    "♀": "female",
    "♂": "male",
    "×": "×|x mark text",
    "₵": "cedi",
    "№": "№",
    "©": "copyright text",
    "^": "caret",
    "|": "vert",
    "&": "amp|&",
    "[…]": "[...]|(...)|[…]|ellipsis brackets|redacted",
}

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys("".join(_STYLES.split("\n")).split("|"), argument("1", "text")),
    **dict.fromkeys(
        ["keypress", "key press", "key", "kbd", "button", "keyboard", "pressed key"], keys
    ),
    **dict.fromkeys(["resize", "font size", "fs", "font-size", "size"], last),
    **dict.fromkeys(
        [
            *_COLORS.split("|"),
            "color",
            "colour",
            "fontcolor",
            "font color",
            "background color",
            "fgcolor",
            "font",
            "background colour",
            "bg",
            "colored text",
            "textcolor",
            "legend inline",
        ],
        color,
    ),
    **dict.fromkeys(["sc", "sc1", "sc2"], _small_capitals),
    **dict.fromkeys(["uc", "caps", "all caps"], _upper),
    **dict.fromkeys(
        ["sup", "superscript"], lambda arguments: superscript(argument("1")(arguments))
    ),
    **dict.fromkeys(["tq", "tqq", "tqi", "quote-inline", "qi", "dquote"], quoted("“", "”")),
    **dict.fromkeys(["single+double", "squote"], quoted("‘", "’")),
    **dict.fromkeys(
        ["break", "br", "crlf", "newline", "-line", "clear line"], constant(LINE_BREAK)
    ),
    **dict.fromkeys(["pb", "paragraph break", "paragraph", "p"], constant(PARAGRAPH_BREAK)),
    **{name: constant(protect(sign)) for name, sign in _CHARACTERS.items()},
    **{name: constant(sign) for sign, names in _SIGNS.items() for name in names.split("|")},
    "=": constant("="),
    "dot separated": joined(" · "),
    **rows({"{1}°": "degrees", "№ {1}": "nr"}),
}
