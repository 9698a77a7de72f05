"""Parses the XML of a MediaWiki export with expat, piece by piece, within bounded memory.

`xml_export` makes pages of what is found here. A text that is not needed is not collected: expat
then does not even make strings of it. Nor is one that grows too large.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from wiki_embeddings.volume import MiB

WIKITEXT = "wikitext"
"""The content model of wikitext."""

_LANGUAGE = "xml:lang"
_MAX_DEPTH = 16
"""The format needs six levels."""

_MAX_FIELD_CHARACTERS = 64 * 1024
"""A title has at most 255 bytes; this is for any field but the text."""

_MAX_TOKEN_BYTES = 16 * MiB
"""A tag or a comment that expat has to hold as a whole; texts arrive in pieces."""

_FIELDS = {
    ("siteinfo", "base"),
    ("namespaces", "namespace"),
    ("page", "title"),
    ("page", "ns"),
    ("page", "id"),
    ("revision", "id"),
    ("revision", "timestamp"),
    ("revision", "model"),
}
"""Elements whose text is collected, each with the one it stands in."""


@dataclass
class ParsedSite:
    """The `siteinfo` of an export.

    Attributes:
        base: URL of the main page.
        namespaces: Names of the namespaces by the text of their key.
    """

    base: str | None = None
    namespaces: dict[str, str] = field(default_factory=dict)


@dataclass
class ParsedRevision:
    """A revision; None is what it lacks.

    Attributes:
        id: Text of its id.
        timestamp: Text of its time.
        model: Its content model; wikitext in exports that are older than content models.
        text: Its text, in pieces; None if there is none.
        text_bytes: UTF-8 bytes of the text so far.
        is_suppressed: True if its text was deleted.
        is_too_large: True if the text is larger than the limit, so that it was not collected.
    """

    id: str | None = None
    timestamp: str | None = None
    model: str = WIKITEXT
    text: list[str] | None = None
    text_bytes: int = 0
    is_suppressed: bool = False
    is_too_large: bool = False


@dataclass
class ParsedPage:
    """A page; None is what it lacks.

    Attributes:
        id: Text of its id.
        namespace: Text of the number of its namespace.
        title: Its title.
        redirect: Title of the page that it redirects to.
        revision: Its newest revision.
    """

    id: str | None = None
    namespace: str | None = None
    title: str | None = None
    redirect: str | None = None
    revision: ParsedRevision | None = None

    def needs_text(self, revision: ParsedRevision) -> bool:
        """Return whether the page may be an article, by what stands before its text."""
        return self.namespace == "0" and self.redirect is None and revision.model == WIKITEXT


class ExportParser:
    """Finds the site and the pages of an export.

    Attributes:
        language: Language code of the root element.
        is_finished: True once the whole document was parsed.
    """

    def __init__(self, max_text_bytes: int) -> None:
        """Create a parser.

        Args:
            max_text_bytes: Most UTF-8 bytes of a text that is collected.
        """
        self.language = "en"
        self.is_finished = False
        self._max_text_bytes = max_text_bytes
        self._found: list[ParsedSite | ParsedPage] = []
        self._path: list[str] = []
        self._site = ParsedSite()
        self._page = ParsedPage()
        self._revision = ParsedRevision()
        self._pieces: list[str] = []
        self._characters = 0
        self._namespace_key = ""
        self._fed_bytes = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = MiB // 4
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = _refuse_document_type

    def feed(self, data: bytes) -> None:
        """Parse the next piece of the document; an empty one is its end.

        Raises:
            expat.ExpatError: It is not well-formed.
            ValueError: It is not an export.
        """
        self._parser.Parse(data, not data)
        self._fed_bytes += len(data)
        self.is_finished = not data
        if self._fed_bytes - self._parser.CurrentByteIndex > _MAX_TOKEN_BYTES:
            raise ValueError(f"a tag or comment has more than {_MAX_TOKEN_BYTES // MiB} MiB")

    def take(self) -> list[ParsedSite | ParsedPage]:
        """Return what was completed since the last call, in the order of the document."""
        found, self._found = self._found, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if not parent:
            if name != "mediawiki":
                raise ValueError(f"its root element is <{name}>")
            self.language = attributes.get(_LANGUAGE, self.language)
        elif len(self._path) > _MAX_DEPTH:
            raise ValueError(f"its elements are nested more than {_MAX_DEPTH} deep")
        elif (parent, name) in _FIELDS:
            self._pieces, self._characters = [], 0
            self._parser.CharacterDataHandler = self._collect_field
            self._namespace_key = attributes.get("key", "")
        elif (parent, name) == ("mediawiki", "page"):
            self._page = ParsedPage()
        elif (parent, name) == ("page", "redirect"):
            self._page.redirect = attributes.get("title", "")
        elif (parent, name) == ("page", "revision"):
            self._revision = ParsedRevision()
        elif (parent, name) == ("revision", "text"):
            self._start_text(attributes)

    def _start_text(self, attributes: dict[str, str]) -> None:
        revision = self._revision
        revision.text = []
        revision.is_suppressed = "deleted" in attributes
        if self._page.needs_text(revision):
            self._parser.CharacterDataHandler = self._collect_text

    def _end(self, name: str) -> None:
        self._path.pop()
        self._parser.CharacterDataHandler = None
        parent = self._path[-1] if self._path else ""
        if (parent, name) in _FIELDS:
            self._end_field(parent, name, "".join(self._pieces))
        elif (parent, name) == ("page", "revision"):
            self._end_revision()
        elif (parent, name) == ("mediawiki", "page"):
            self._found.append(self._page)
        elif (parent, name) == ("mediawiki", "siteinfo"):
            self._found.append(self._site)

    def _end_field(self, parent: str, name: str, text: str) -> None:
        if parent == "page":
            setattr(self._page, {"ns": "namespace"}.get(name, name), text)
        elif parent == "revision":
            setattr(self._revision, name, text)
        elif name == "base":
            self._site.base = text
        else:
            self._site.namespaces[self._namespace_key] = text

    def _end_revision(self) -> None:
        """Keep the newest revision; `current` exports have one."""
        kept = self._page.revision
        if kept is None or (self._revision.timestamp or "") >= (kept.timestamp or ""):
            self._page.revision = self._revision

    def _collect_field(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > _MAX_FIELD_CHARACTERS:
            raise ValueError(
                f"a <{self._path[-1]}> has more than {_MAX_FIELD_CHARACTERS:,} characters"
            )
        self._pieces.append(text)

    def _collect_text(self, text: str) -> None:
        revision = self._revision
        if revision.is_too_large or revision.text is None:
            return
        revision.text_bytes += len(text) if text.isascii() else len(text.encode())
        revision.is_too_large = revision.text_bytes > self._max_text_bytes
        if revision.is_too_large:
            revision.text = []
        else:
            revision.text.append(text)


def _refuse_document_type(name: str, *_: object) -> None:
    raise ValueError(f"it declares the document type {name!r}, which no export has")
