"""Templates for the style of a text, and for characters that are awkward to type."""

from __future__ import annotations

from wiki_embeddings.sources.wikitext.digits import superscript
from wiki_embeddings.sources.wikitext.markers import protect
from wiki_embeddings.sources.wikitext.templates.expansions import (
    Expansion,
    argument,
    constant,
    joined,
    last,
)

# Some of these are notes that only show when the pointer is over the text.
_STYLES = [
    "abbr", "bdo", "big", "center", "large", "larger", "longitem", "midsize", "nastaliq", "nobold",
    "nobr", "noitalic", "nowrap", "nq", "small", "smaller", "smallcaps", "sub", "tooltip",
    "vanchor", "visible anchor", "vr",
]  # fmt: skip

TEMPLATES: dict[str, Expansion] = {
    **dict.fromkeys(_STYLES, argument("1")),
    "keypress": joined("+"),
    "resize": last,
    "sc": lambda arguments: argument("1")(arguments).upper(),
    "sup": lambda arguments: superscript(argument("1")(arguments)),
    # Characters: as text, no longer markup.
    "!": constant("|"),
    "'": constant(protect("'")),
    "'s": constant(protect("'s")),
    "' \"": constant(protect("'\"")),
    "\" '": constant(protect("\"'")),
    '-"': constant('"'),
    "=": constant("="),
    "\\": constant(" / "),
    **dict.fromkeys(["·", "dot"], constant(" · ")),
    "eqm": constant(" ⇌ "),
    "extinct": constant("†"),
    **dict.fromkeys(["mdash", "mdashb"], constant("—")),
    **dict.fromkeys(["nbsp", "spaces", "thinsp"], constant(" ")),
    "ndash": constant("–"),
    **dict.fromkeys(["snd", "snds", "spaced ndash"], constant(" – ")),
}
