"""An opened index, as `search.open` gives it: questions in, passages out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.passages import Passage, PassageFilter, SearchableRows

if TYPE_CHECKING:
    from wiki_embeddings.encoders import Encoder
    from wiki_embeddings.search.vector_model import VectorModel

MOST_PASSAGES = 1000
"""Most passages of one question; whoever needs more wants the dataset itself."""


def _no_progress(_: int) -> None:
    """Report nothing."""


class Index:
    """A dataset that can be asked; `search.open` opens one.

    Several threads may use it at the same time. What it reads is one version of the dataset, also
    if another one is published meanwhile. It may be used in a `with` statement, which closes its
    connections; otherwise they close with it.

    Attributes:
        label: What is searched, for people: a name and a commit, or a folder.
        model: The model that makes vectors of questions.
        note: Says so, in a sentence, if it searches less than all passages; else None.
    """

    def __init__(
        self, rows: SearchableRows, model: VectorModel, label: str, note: str | None = None
    ) -> None:
        self.label = label
        self.model = model
        self.note = note
        self._rows = rows
        self._encoder: Encoder | None = None
        self._encoding = threading.Lock()

    @property
    def bytes_read_by_each(self) -> int:
        """Bytes that every question reads: those of all files in an exact search, else 0."""
        return self._rows.bytes_read_by_each

    def prepare(self) -> None:
        """Load the model, which otherwise the first question does.

        Raises:
            BadInputError: It is not here and on no Hub, or makes other vectors than it did.
            WikiEmbeddingsError: It is not here yet, and the Hub cannot be reached.
        """
        with self._encoding:
            self._load()

    def query(
        self,
        question: str,
        k: int = 10,
        *,
        title: str = "",
        section: str = "",
        progress: Callable[[int], None] = _no_progress,
    ) -> list[Passage]:
        """Find the passages that answer a question best.

        Args:
            question: The question; of a very long one, the beginning that the model reads.
            k: Most passages to return, at most 1,000.
            title: Only passages whose article's title contains this text, in any case.
            section: Only passages whose headings contain this text, in any case.
            progress: Called with numbers of bytes as an exact search reads them.

        Returns:
            The passages, best first. With an index, the best ones with high probability
            (docs/search.md has figures), and of those that `title` and `section` allow only such
            as are among the nearest few hundred; without one, exactly the best.

        Raises:
            BadInputError: The question is blank, `k` is out of range, or the dataset is damaged.
            ChangedFileError: Somebody has replaced the files since they were opened.
            WikiEmbeddingsError: The place of the dataset cannot be reached.
        """
        if not isinstance(question, str) or not question.strip():
            raise BadInputError("The question is blank: ask something.")
        _require_count(k)
        with self._encoding:
            vector = self._load().encode_texts([question], query=True)[0]
        return self._rows.nearest(vector, k, PassageFilter(title, section), progress)

    def neighbours(self, passage: Passage | int, k: int = 10) -> list[Passage]:
        """Find the passages that are most similar to another one.

        Args:
            passage: A passage that this index has found, or its `row`.
            k: Most passages to return, at most 1,000.

        Returns:
            Other passages, most similar first.

        Raises:
            BadInputError: There is no such row, or `k` is out of range.
            WikiEmbeddingsError: As `query`.
        """
        _require_count(k)
        row = passage.row if isinstance(passage, Passage) else passage
        vector = self._rows.vector(row)
        found = self._rows.nearest(vector, k + 1, PassageFilter(), _no_progress)
        return [other for other in found if other.row != row][:k]

    def close(self) -> None:
        """Close the connections, if there are any."""
        self._rows.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _load(self) -> Encoder:
        if self._encoder is None:
            from wiki_embeddings.search.vector_model import query_encoder  # loads its runtime

            self._encoder = query_encoder(self.model)
        return self._encoder


def _require_count(k: int) -> None:
    if not isinstance(k, int) or not 1 <= k <= MOST_PASSAGES:
        raise BadInputError(f"k is {k!r}: ask for 1 to {MOST_PASSAGES:,} passages.")
