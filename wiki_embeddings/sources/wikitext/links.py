"""What a reader sees of a wikilink."""

from __future__ import annotations

import re

HIDDEN_NAMESPACES = frozenset(["file", "image", "media", "category"])
"""Lower-case names, understood in every Wikipedia, of namespaces whose links show no text."""

_FILE = re.compile(
    r".+\.(?:djvu|flac|gif|jpe?g|midi?|mp[34]|og[agv]|opus|pdf|png|stl|svg|tiff?|wav|webm|webp|xcf)",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,})*|simple|be-x-old")
_PROJECTS = {
    "b", "c", "commons", "d", "m", "meta", "n", "q", "s", "species", "v", "voy", "w", "wikibooks",
    "wikinews", "wikipedia", "wikiquote", "wikisource", "wikiversity", "wikt", "wiktionary",
}  # fmt: skip


def link_text(target: str, label: str, hidden: frozenset[str]) -> str:
    """Gives the text that a wikilink shows.

    Args:
        target: Page that is linked to, in plain text, perhaps with a namespace or language.
        label: Plain text after the first `|`; empty where there is none.
        hidden: Lower-case names of the namespaces whose links place a picture or sort the page.

    Returns:
        The label or else the page's title; empty for pictures, sounds, categories and for links
        to the same article in another language.
    """
    prefix, colon, page = target.strip().partition(":")
    if not colon:
        return label or prefix
    if not prefix:  # a leading colon makes any link an ordinary one
        return label or _title(page)
    if _namespace(prefix) in hidden or _FILE.fullmatch(page):
        return ""
    if not label and _LANGUAGE.fullmatch(prefix) and prefix not in _PROJECTS:
        return ""
    return label or _title(target.strip())


def _title(page: str) -> str:
    """Takes the name of a project or namespace, which is no part of the title, off a page."""
    prefix, colon, title = page.partition(":")
    known = _namespace(prefix) in _PROJECTS | HIDDEN_NAMESPACES
    return title.strip() if colon and known else page


def _namespace(prefix: str) -> str:
    return prefix.strip().replace("_", " ").lower()
