"""Makes wikitext safe and cheap to parse by dropping unbalanced markup.

The parser tries every opening brace, bracket and tag to the end of the page before it takes it
for plain text, so a page with a few thousand unclosed openings costs it minutes. One linear pass
before it drops each opening without a close and each close without an opening. The same pass
handles what never reaches the text (references, tables, comments) and what needs no parser (list
markers, tags that only style).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from wiki_embeddings.sources.wikitext.markers import LINE_BREAK, LIST_ITEM, PARAGRAPH_BREAK, REMOVED
from wiki_embeddings.sources.wikitext.parser_functions import NAMED_FUNCTIONS
from wiki_embeddings.sources.wikitext.variants import shown_variant

MAX_DEPTH = 30  # the parser gives up at 40, and counts some constructs twice

_DROPPED_ELEMENTS = {
    "categorytree", "chart", "charinsert", "dynamicpagelist", "gallery", "graph", "hiero",
    "imagemap", "includeonly", "indicator", "inputbox", "mapframe", "maplink", "phonos", "quiz",
    "ref", "references", "rss", "score", "style", "templatedata", "timeline",
}  # fmt: skip
_OPAQUE_ELEMENTS = {"ce", "chem", "math", "nowiki", "pre", "source", "syntaxhighlight"}
_NESTING_ELEMENTS = {"code", "sub", "sup", "table"}
_TABLES = {"{|", "table"}  # dropped with their content
_NAMED = {"{{", "[["}
_NAME = re.compile(r"[^{}\[\]|<>\n]*+\|")  # of a template or a link, before its text

_LINES = ["dd", "dt", "li"]
_PARAGRAPHS = [
    "blockquote", "center", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p",
    "poem", "ul",
]  # fmt: skip
_STYLES = [
    "abbr", "b", "bdi", "bdo", "big", "caption", "cite", "data", "del", "dfn", "em", "font", "i",
    "ins", "kbd", "languages", "mark", "meta", "noinclude", "onlyinclude", "q", "rb", "rp", "rt",
    "rtc", "ruby", "s", "samp", "section", "small", "span", "strike", "strong", "tbody", "td",
    "templatestyles", "tfoot", "th", "thead", "time", "tr", "translate", "tt", "tvar", "u", "var",
    "wbr",
]  # fmt: skip
_TAG_TEXT = {
    "br": LINE_BREAK,
    **dict.fromkeys(_LINES, LINE_BREAK + LIST_ITEM),
    **dict.fromkeys(_PARAGRAPHS, PARAGRAPH_BREAK),
    **dict.fromkeys(_STYLES, ""),
}

# A comment alone on its line takes the line with it.
_END_OF_COMMENT = {False: "-->", True: r"-->(?:[ \t]*+\n)?"}  # by whether it starts the line

# Possessive quantifiers (*+) keep each attempt to match linear.
_TOKEN = re.compile(
    r"""
    (?=[<{}\[\]]|^)(?:  # what no token begins with fails at once
      (?P<comment><!--)
    | <(?P<slash>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*+)(?P<attributes>[^<>]*+)>
    | (?P<stray><)(?=[/a-zA-Z])
    | ^[ \t:*\#;]*+(?P<table>\{\|)
    | ^[ \t]*+(?P<table_end>\|\}(?!\}))
    | ^(?P<item>[*\#:;]++)[ \t]*+
    | ^(?P<heading>==)
    | (?<=-)(?P<variants>\{)(?!\{(?!\{))
    | (?P<function>\{\{[ \t\n]*+(?i:\#\w++|(?:safesubst:|subst:)?(?:NAMES)):)
    | (?P<template>\{\{)
    | (?P<link>\[\[)
    | (?P<external_link>\[)(?=(?:https?|ftps?|mailto|news|irc):|//)
    | (?P<template_end>\}\})
    | (?P<variants_end>\}-)
    | (?P<bracket>\])
    )
    """.replace("NAMES", "|".join(NAMED_FUNCTIONS)),
    re.MULTILINE | re.VERBOSE,
)


def balance(wikitext: str) -> str:
    """Drop unbalanced markup and handle what needs no parser, in time linear in the length.

    Args:
        wikitext: A page's source, without `markers`.

    Returns:
        Wikitext in which braces, brackets and tags are balanced and nested at most `MAX_DEPTH`
        deep, with `markers` in place of list markers, styling tags and most dropped elements.
    """
    balancer = _Balancer(wikitext)
    while token := _TOKEN.search(wikitext, balancer.position):
        balancer.pieces.append(wikitext[balancer.position : token.start()])
        balancer.position = token.end()
        balancer.handle(token)
    balancer.pieces.append(wikitext[balancer.position :])
    balancer.finish()
    return "".join(balancer.pieces)


class _Opening(NamedTuple):
    """Markup without its close yet.

    Attributes:
        kind: Its first characters, or the name of the element.
        offset: Where it stands in the source.
        piece: Its index in the pieces.
        is_too_deep: True if it is nested deeper than `MAX_DEPTH`; its content is kept without it.
    """

    kind: str
    offset: int
    piece: int
    is_too_deep: bool


@dataclass
class _Balancer:
    """One pass over a page: its position, its output and the openings without a close yet."""

    wikitext: str
    position: int = 0
    pieces: list[str] = field(default_factory=list)
    openings: list[_Opening] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)  # of each kind in `openings`
    never_closed: set[str] = field(default_factory=set)  # closes that the rest does not contain

    def handle(self, token: re.Match[str]) -> None:
        match token.lastgroup:
            case "comment":
                starts_line = self.wikitext[max(0, token.start() - 1) : token.start()] in {"", "\n"}
                self._copy_element(token, _END_OF_COMMENT[starts_line], "")
            case "attributes":
                self._handle_tag(token)
            case "stray":
                self.pieces.append("&lt;")
            case "table":
                self._open("{|", token)
            case "table_end":
                self._close("{|", "")
            case "item":
                self.pieces.append(LIST_ITEM)
            case "heading":
                self._close_tables()
                self.pieces.append(token[0])
            case "bracket":
                self._handle_bracket(token)
            case "template_end":
                self._close("{{", token[0])
            case "variants" | "variants_end":
                self._handle_variants(token)
            case "function":
                # What follows the colon becomes an argument: the parser allows more in those.
                self._open("{{", token, token[0] + "|")
            case _:
                self._open(token[0], token)

    def finish(self) -> None:
        """Close the tables that the page leaves open, and drop all other openings."""
        self._close_tables()
        while self.openings:
            self._drop_last_opening()

    def _handle_tag(self, token: re.Match[str]) -> None:
        name, closes = token["tag"].lower(), token["slash"] == "/"
        stands_alone = token["attributes"].endswith("/")
        if name in _TAG_TEXT:
            self.pieces.append(_TAG_TEXT[name])
        elif name in _NESTING_ELEMENTS and closes:
            self._close(name, token[0])
        elif name in _NESTING_ELEMENTS and not stands_alone:
            self._open(name, token)
        elif name not in _DROPPED_ELEMENTS | _OPAQUE_ELEMENTS:
            self.pieces.append("&lt;" + token[0][1:])  # MediaWiki shows unknown tags as they are
        elif stands_alone:
            self.pieces.append(REMOVED)
        elif not closes:
            replacement = REMOVED if name in _DROPPED_ELEMENTS else None
            self._copy_element(token, rf"</{name}\s*+>", replacement)

    def _copy_element(self, token: re.Match[str], close: str, replacement: str | None) -> None:
        """Copy or replace a whole element; an unclosed comment hides the rest of the page.

        Drops the opening of any other element that nothing closes.

        Args:
            token: The opening.
            close: Pattern of the close.
            replacement: Text to write for the element; None copies it for the parser.
        """
        found = None
        if close not in self.never_closed:
            found = re.compile(close, re.IGNORECASE).search(self.wikitext, self.position)
        if found is None:
            self.never_closed.add(close)
            if token.lastgroup == "comment":
                self.position = len(self.wikitext)
            return
        self.position = found.end()
        element = self.wikitext[token.start() : found.end()]
        self.pieces.append(element if replacement is None else replacement)

    def _handle_bracket(self, token: re.Match[str]) -> None:
        """Handle `]`: the end of an external link on the same line, half of `]]`, or plain text."""
        if self.openings and self.openings[-1].kind == "[":
            if "\n" not in self.wikitext[self.openings[-1].offset : token.start()]:
                self._close("[", "]")
                return
            self._drop_last_opening()
        if self.wikitext.startswith("]]", token.start()):
            self.position += 1
            self._close("[[", "]]")
        else:
            self.pieces.append("]")

    def _open(self, kind: str, token: re.Match[str], markup: str = "") -> None:
        if kind == "[" and self.openings and self.openings[-1].kind == "[":
            self._drop_last_opening()  # external links do not nest
        is_too_deep = len(self.openings) >= MAX_DEPTH
        self.openings.append(_Opening(kind, token.start(), len(self.pieces), is_too_deep))
        self.count[kind] += 1
        self.pieces.append("" if is_too_deep else markup or token[0])
        if is_too_deep and kind in _NAMED and (name := _NAME.match(self.wikitext, token.end())):
            self.position = name.end()

    def _close(self, kind: str, markup: str) -> None:
        """Close the last opening of a kind and drop all later openings."""
        if not self.count[kind]:
            return
        while self.openings[-1].kind != kind:
            self._drop_last_opening()
        opening = self._pop()
        if kind in _TABLES:
            del self.pieces[opening.piece :]
            markup = "\n\n"
        self.pieces.append("" if opening.is_too_deep else markup)

    def _handle_variants(self, token: re.Match[str]) -> None:
        """Replace what stands between `-{` and `}-` by the text of one variant."""
        if token.lastgroup == "variants":
            self.pieces[-1] = self.pieces[-1].removesuffix("-")
            self._open("-{", token)
            return
        if not self.count["-{"]:
            self.pieces.append(token[0])
            return
        while self.openings[-1].kind != "-{":
            self._drop_last_opening()
        opening = self._pop()
        content = "".join(self.pieces[opening.piece + 1 :])
        self.pieces[opening.piece :] = [shown_variant(content)]

    def _close_tables(self) -> None:
        while self.count["{|"]:
            self._close("{|", "")

    def _drop_last_opening(self) -> None:
        opening = self._pop()
        self.pieces[opening.piece] = "-{" if opening.kind == "-{" else ""

    def _pop(self) -> _Opening:
        opening = self.openings.pop()
        self.count[opening.kind] -= 1
        return opening
