"""Makes wikitext safe and cheap to parse: what is left is balanced.

The parser tries every opening brace, bracket and tag to the end of the page before it takes it
for plain text, so a page with a few thousand openings that nothing closes costs it minutes. One
linear pass before it drops each opening without a close and each close without an opening. What
never reaches the text (references, tables, comments) and what needs no parser (list markers, tags
that only style) is settled on the way.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from wiki_embeddings.sources.wikitext.markers import BREAK, HOLE, ITEM, PARAGRAPH

MAX_DEPTH = 30  # the parser gives up at 40, and counts some constructs twice

_DROPPED_ELEMENTS = {
    "categorytree", "gallery", "graph", "hiero", "imagemap", "includeonly", "inputbox", "mapframe",
    "maplink", "ref", "references", "score", "style", "templatedata", "timeline",
}  # fmt: skip
_OPAQUE_ELEMENTS = {"ce", "chem", "math", "nowiki", "pre", "source", "syntaxhighlight"}
_NESTING_ELEMENTS = {"code", "sub", "sup", "table"}
_TABLES = {"{|", "table"}  # dropped with all that is in them

_LINES = ["dd", "dt", "li"]
_PARAGRAPHS = [
    "blockquote", "center", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p",
    "poem", "section", "ul",
]  # fmt: skip
_STYLES = [
    "abbr", "b", "bdi", "bdo", "big", "caption", "cite", "data", "del", "dfn", "em", "font", "i",
    "indicator", "ins", "kbd", "mark", "noinclude", "onlyinclude", "q", "rb", "rp", "rt", "ruby",
    "s", "samp", "small", "span", "strike", "strong", "tbody", "td", "tfoot", "th", "thead",
    "time", "tr", "tt", "u", "var", "wbr",
]  # fmt: skip
_TAG_TEXT = {
    "br": BREAK,
    **dict.fromkeys(_LINES, BREAK + ITEM),
    **dict.fromkeys(_PARAGRAPHS, PARAGRAPH),
    **dict.fromkeys(_STYLES, ""),
}

# A comment that has its line for itself takes the line with it.
_END_OF_COMMENT = {False: "-->", True: r"-->(?:[ \t]*+\n)?"}

# Possessive quantifiers (*+) keep each attempt to match linear.
_TOKEN = re.compile(
    r"""
      (?P<comment><!--)
    | <(?P<slash>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*+)(?P<attributes>[^<>]*+)>
    | (?P<stray><)(?=[/a-zA-Z])
    | ^[ \t:*\#;]*+(?P<table>\{\|)
    | ^[ \t]*+(?P<table_end>\|\}(?!\}))
    | ^(?P<item>[*\#:;]++)[ \t]*+
    | ^(?P<heading>==)
    | (?P<template>\{\{)
    | (?P<link>\[\[)
    | (?P<external_link>\[)(?=(?:https?|ftps?|mailto|news|irc):|//)
    | (?P<template_end>\}\})
    | (?P<bracket>\])
    """,
    re.MULTILINE | re.VERBOSE,
)


def balance(wikitext: str) -> str:
    """Drops unbalanced markup and settles what needs no parser, in time linear in the length.

    Args:
        wikitext: A page's source, free of `marks`.

    Returns:
        Wikitext in which braces, brackets and tags are balanced and nested at most `MAX_DEPTH`
        deep, with `marks` in place of list markers, styling tags and most of what was dropped.
    """
    scan = _Scan(wikitext)
    while token := _TOKEN.search(wikitext, scan.position):
        scan.pieces.append(wikitext[scan.position : token.start()])
        scan.position = token.end()
        scan.take(token)
    scan.pieces.append(wikitext[scan.position :])
    scan.finish()
    return "".join(scan.pieces)


class _Opening(NamedTuple):
    """Markup that waits for its close: its kind, its place in the source and in the pieces."""

    kind: str
    offset: int
    piece: int


@dataclass
class _Scan:
    """One pass over a page: where it is, what it has written and what waits for a close."""

    wikitext: str
    position: int = 0
    pieces: list[str] = field(default_factory=list)
    waiting: list[_Opening] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)  # of each kind in `waiting`
    never_closed: set[str] = field(default_factory=set)  # closes that do not come any more

    def take(self, token: re.Match[str]) -> None:
        match token.lastgroup:
            case "comment":
                starts_line = self.wikitext[max(0, token.start() - 1) : token.start()] in {"", "\n"}
                self._take_element(token, _END_OF_COMMENT[starts_line], "")
            case "attributes":
                self._take_tag(token)
            case "stray":
                self.pieces.append("&lt;")
            case "table":
                self._open("{|", token)
            case "table_end":
                self._close("{|", "")
            case "item":
                self.pieces.append(ITEM)
            case "heading":
                self._end_tables()
                self.pieces.append(token[0])
            case "bracket":
                self._take_bracket(token)
            case "template_end":
                self._close("{{", token[0])
            case _:
                self._open(token[0], token)

    def finish(self) -> None:
        """Ends the tables that the page leaves open and drops all else that is still open."""
        self._end_tables()
        for opening in self.waiting:
            self.pieces[opening.piece] = ""

    def _take_tag(self, token: re.Match[str]) -> None:
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
            self.pieces.append(HOLE)
        elif not closes:
            replacement = HOLE if name in _DROPPED_ELEMENTS else None
            self._take_element(token, rf"</{name}\s*+>", replacement)

    def _take_element(self, token: re.Match[str], close: str, replacement: str | None) -> None:
        """Takes an element whole, as it is or replaced; drops an opening that nothing closes.

        Args:
            token: The opening.
            close: Pattern of the close.
            replacement: What to write for the element; None leaves it to the parser.
        """
        found = None
        if close not in self.never_closed:
            found = re.compile(close, re.IGNORECASE).search(self.wikitext, self.position)
        if found is None:
            self.never_closed.add(close)
            return
        self.position = found.end()
        element = self.wikitext[token.start() : found.end()]
        self.pieces.append(element if replacement is None else replacement)

    def _take_bracket(self, token: re.Match[str]) -> None:
        """Takes `]`, which closes an external link on the same line, or `]]`, or is plain text."""
        if self.waiting and self.waiting[-1].kind == "[":
            if "\n" not in self.wikitext[self.waiting[-1].offset : token.start()]:
                self._close("[", "]")
                return
            self._drop_last()
        if self.wikitext.startswith("]]", token.start()):
            self.position += 1
            self._close("[[", "]]")
        else:
            self.pieces.append("]")

    def _open(self, kind: str, token: re.Match[str]) -> None:
        if kind == "[" and self.waiting and self.waiting[-1].kind == "[":
            self._drop_last()  # external links do not nest
        if len(self.waiting) < MAX_DEPTH:
            self.waiting.append(_Opening(kind, token.start(), len(self.pieces)))
            self.count[kind] += 1
            self.pieces.append(token[0])

    def _close(self, kind: str, markup: str) -> None:
        """Closes the last opening of a kind and drops what was opened after it."""
        if not self.count[kind]:
            return
        while self.waiting[-1].kind != kind:
            self._drop_last()
        opening = self._pop()
        if kind in _TABLES:
            del self.pieces[opening.piece :]
            markup = "\n\n"
        self.pieces.append(markup)

    def _end_tables(self) -> None:
        while self.count["{|"]:
            self._close("{|", "")

    def _drop_last(self) -> None:
        self.pieces[self._pop().piece] = ""

    def _pop(self) -> _Opening:
        opening = self.waiting.pop()
        self.count[opening.kind] -= 1
        return opening
