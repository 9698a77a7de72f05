"""What a search finds, and what it may be limited to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Passage:
    """A passage found by a search.

    Attributes:
        score: Cosine similarity to what was searched for.
        title: Title of its article.
        section: Headings that it stands under, from the outermost on; empty for an article's lead
            or if unknown.
        url: Address of its article, in the revision that it comes from if that is known.
        text: The passage.
        id: Page id of its article; None if the dataset does not tell.
        chunk_index: Index of the passage in its article, from 0; None likewise.
        row: Row of the passage in what was searched, from 0.
    """

    score: float
    title: str
    section: str
    url: str
    text: str
    id: int | None
    chunk_index: int | None
    row: int


@dataclass(frozen=True)
class PassageFilter:
    """Which passages may be found: those whose title and section contain some text.

    Attributes:
        title: Part of the article's title, in any case; empty for any title.
        section: Part of the headings, likewise.
    """

    title: str = ""
    section: str = ""

    @property
    def allows_all(self) -> bool:
        """True if it leaves out nothing."""
        return not self.title and not self.section

    def allows(self, title: str, section: str) -> bool:
        """Return whether a passage of this article and section may be found."""
        return (
            self.title.casefold() in title.casefold()
            and self.section.casefold() in section.casefold()
        )


class SearchableRows(Protocol):
    """Passages with their vectors, wherever they are; several threads may search at once."""

    @property
    def bytes_read_by_each(self) -> int:
        """Bytes that every search reads, where it reads all of them; else 0."""

    def nearest(
        self,
        vector: npt.NDArray[np.float32],
        count: int,
        allowed: PassageFilter,
        progress: Callable[[int], None],
    ) -> list[Passage]:
        """Find the passages whose vectors are nearest to a given one.

        Args:
            vector: Unit vector, float32 of shape `(dimensions,)`.
            count: Most passages to return.
            allowed: Which passages to consider.
            progress: Called with numbers of bytes as they are searched, where all are.

        Returns:
            The passages, best first.
        """

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """Return the vector of a row, float32 of shape `(dimensions,)` and of unit length.

        Raises:
            BadInputError: There is no such row.
        """

    def close(self) -> None:
        """Close what is open."""


def passage_at(row: int, score: float, columns: Mapping[str, Any]) -> Passage:
    """Make a passage of a row's columns, some of which older datasets lack."""
    title, url, text, section = (
        columns.get(name) or "" for name in ("title", "url", "text", "section")
    )
    return Passage(
        score=score,
        title=title,
        section=section,
        url=_revision_url(url, columns.get("revision_id")),
        text=text.strip(),
        id=columns.get("id"),
        chunk_index=columns.get("chunk_index"),
        row=row,
    )


def _revision_url(url: str, revision_id: int | None) -> str:
    """Return the address of a revision; MediaWiki takes its id with the address of the page."""
    return url if revision_id is None or not url else f"{url}?oldid={revision_id}"
