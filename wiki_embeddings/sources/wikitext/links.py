"""The text that a wikilink shows."""

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
    """Return the text that a wikilink shows.

    Args:
        target: Linked page in plain text, perhaps with a namespace or language.
        label: Plain text after the first `|`; empty if there is none.
        hidden: Lower-case names of the namespaces whose links show a picture or categorise the
            page.

    Returns:
        The label if there is one, otherwise the title of the page; empty for pictures, sounds,
        categories and links to the same article in another language.
    """
    prefix, colon, page = target.strip().partition(":")
    if not colon:
        return label or prefix
    if not prefix:  # a leading colon makes any link an ordinary one
        return label or _remove_prefix(page)
    if _normalize(prefix) in hidden or _FILE.fullmatch(page):
        return ""
    if not label and _LANGUAGE.fullmatch(prefix) and prefix not in _PROJECTS:
        return ""
    return label or _remove_prefix(target.strip())


def _remove_prefix(page: str) -> str:
    """Remove a project or namespace, which is not part of the title, from the name of a page."""
    prefix, colon, title = page.partition(":")
    is_known = _normalize(prefix) in _PROJECTS | HIDDEN_NAMESPACES
    return title.strip() if colon and is_known else page


def _normalize(prefix: str) -> str:
    return prefix.strip().replace("_", " ").lower()
