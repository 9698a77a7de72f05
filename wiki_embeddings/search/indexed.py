"""Search with an index: lists of codes, the vectors of the best rows, the texts of the winners.

All of it is read by ranges from where the dataset lies. Each answer is checked: a list against its
check sum, and the vector of a row against its code, which only the same vector has. So an index of
another snapshot, or a damaged one, gives an error and never a wrong passage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wiki_embeddings.dataset_layout import INDEX_HEAD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.byte_ranges import ByteRange, ByteRanges
from wiki_embeddings.search.passages import Passage, PassageFilter, passage_at
from wiki_embeddings.search.row_reader import RowReader
from wiki_embeddings.vector_index.head import (
    CRC_BYTES,
    VECTOR_NUMBER_BYTES,
    from_bytes,
    list_crc,
)
from wiki_embeddings.vector_index.probes import Budget, ListRange, choose_lists
from wiki_embeddings.vector_index.quantization import (
    RELATIVE_ERROR,
    Records,
    encode,
    estimate,
    quantize,
    record_type,
    sign_table,
)

_MAX_HEAD_BYTES = 1_000_000_000
"""Some fifty times the size of English Wikipedia's."""

_CONNECTIONS = 16
"""Files that are read at the same time."""

_FIRST_CANDIDATES = 30
"""Vectors that are read beyond those wanted, before it is known how good the answers are."""

_REQUESTS = 120
"""Ranges and vectors that a question reads at most, unless many passages are wanted. The texts of
ten take 30 requests more at most, which makes the 150 that are planned for."""

_LEAST_MORE_CANDIDATES = 40
"""Vectors that may be read after the first in any case, because their estimate may be too low."""

_DEVIATIONS = 2.5
"""Errors of an estimate are normal, so six of a thousand are larger and hide a row."""

_FILTERED_CANDIDATES = 200
"""Nearest rows among which a filter looks."""

_FILTERED_AT_ONCE = 24
"""Of which so many have their titles read at a time."""

_ALL = PassageFilter()


@dataclass(frozen=True)
class Estimates:
    """Rows that may be near to a question, the likeliest first.

    Attributes:
        rows: Numbers of the rows in the dataset.
        scores: Estimated dot products with the question.
        errors: Standard deviations of these.
        lists: Number of the list of each row.
        codes: Codes of the rows; see `Records`.
        scales: Scales of the codes.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    errors: npt.NDArray[np.float32]
    lists: npt.NDArray[np.int64]
    codes: npt.NDArray[np.uint8]
    scales: npt.NDArray[np.float16]

    def part(self, chosen: slice | npt.NDArray[np.integer]) -> Estimates:
        """Return some of the rows."""
        return Estimates(
            self.rows[chosen],
            self.scores[chosen],
            self.errors[chosen],
            self.lists[chosen],
            self.codes[chosen],
            self.scales[chosen],
        )


class IndexedRows:
    """The rows of a dataset with an index; implements `SearchableRows`.

    Args:
        files: The dataset.
        budget: What a question may read of the lists.

    Raises:
        MissingFileError: The dataset has no index.
        BadInputError: The index is damaged, or its format is not known.
        WikiEmbeddingsError: The dataset cannot be reached.
    """

    def __init__(self, files: ByteRanges, budget: Budget | None = None) -> None:
        size = files.size(INDEX_HEAD)
        where = f"{INDEX_HEAD} of {files.label}"
        if size > _MAX_HEAD_BYTES:
            raise BadInputError(f"{where} has {size:,} bytes: it is no head of an index.")
        self.head = from_bytes(files.read(INDEX_HEAD, [(0, size)])[0], where)
        self._files = files
        self._budget = budget or Budget()
        self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="index")
        self._texts = RowReader(self.head, self._read, files.label)

    @property
    def bytes_read_by_each(self) -> int:
        """Return 0: how many it reads depends on the question."""
        return 0

    def nearest(
        self,
        vector: npt.NDArray[np.float32],
        count: int,
        allowed: PassageFilter = _ALL,
        progress: Callable[[int], None] = lambda _: None,  # noqa: ARG002 (reads a part only)
    ) -> list[Passage]:
        """Find the nearest passages; see `SearchableRows`.

        A filter looks among the nearest 200, so that it may find fewer passages than there are.
        """
        wanted = count if allowed.allows_all else max(count, _FILTERED_CANDIDATES)
        rows, scores = self.nearest_rows(vector, wanted)
        if not allowed.allows_all:
            chosen = self._allowed(rows, count, allowed)
            rows, scores = rows[chosen], scores[chosen]
        return [
            passage_at(row, score, columns)
            for row, score, columns in zip(
                rows.tolist(), scores.tolist(), self._texts.passages(rows.tolist()), strict=True
            )
        ]

    def nearest_rows(
        self, vector: npt.NDArray[np.float32], count: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Find the nearest rows, without their texts.

        Args:
            vector: Unit vector, float32 of shape `(dimensions,)`.
            count: Most rows to return.

        Returns:
            Numbers of the rows in the dataset and their exact scores, best first; of equal scores
            the lower row first.

        Raises:
            BadInputError: The vector has another width, or the index is damaged or does not belong
                to the data.
        """
        if vector.shape != (self.head.dimensions,):
            raise BadInputError(
                f"The vectors of {self._files.label} have {self.head.dimensions} dimensions, the "
                f"question has {vector.size}: they were made with another model."
            )
        first = count + _FIRST_CANDIDATES
        ranges = choose_lists(self.head, vector, self._budget)
        more = max(_LEAST_MORE_CANDIDATES, _REQUESTS - len(ranges) - first)
        found = self._estimates(ranges, vector, first + more)
        scores = self._vectors(found.part(slice(first))) @ vector
        threshold = np.sort(scores)[-count] if count <= scores.size else -np.inf
        may_be_better = found.scores[first:] + _DEVIATIONS * found.errors[first:] > threshold
        others = first + np.flatnonzero(may_be_better)
        if others.size:
            scores = np.concatenate([scores, self._vectors(found.part(others)) @ vector])
        rows = np.concatenate([found.rows[:first], found.rows[others]])
        best = np.lexsort((rows, -scores))[:count]
        return rows[best], scores[best]

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """Return the vector of a row; see `SearchableRows`."""
        stored = self.vectors([row])[0]
        unit: npt.NDArray[np.float32] = stored / np.linalg.norm(stored)
        return unit

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """Return the vectors of rows as they are stored, float32 of shape `(rows, dimensions)`.

        Raises:
            BadInputError: There is no such row.
        """
        for row in rows:
            if not 0 <= row < self.head.rows:
                raise BadInputError(
                    f"There is no row {row} in {self._files.label}: it has {self.head.rows:,}."
                )
        return self._stored_vectors(rows)

    def close(self) -> None:
        """Close the files."""
        self._threads.shutdown()
        self._files.close()

    def _estimates(
        self, ranges: Sequence[ListRange], vector: npt.NDArray[np.float32], count: int
    ) -> Estimates:
        """Read lists, and estimate the scores of their rows; returns the best."""
        table = sign_table(vector)
        contents = self._read_lists(ranges)
        parts = [
            self._estimate_range(each, content, vector, table)
            for each, content in zip(ranges, contents, strict=True)
        ]
        if not parts:
            raise BadInputError(f"{self._files.label} has no rows: there is nothing to search.")
        found = Estimates(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("rows", "scores", "errors", "lists", "codes", "scales")
            )
        )
        return found.part(np.lexsort((found.rows, -found.scores))[:count])

    def _read_lists(self, ranges: Sequence[ListRange]) -> list[bytes]:
        names = [self.head.list_files[each.file].name for each in ranges]
        return self._read(
            [(name, (r.start, r.stop)) for name, r in zip(names, ranges, strict=True)]
        )

    def _estimate_range(
        self,
        lists: ListRange,
        content: bytes,
        vector: npt.NDArray[np.float32],
        table: npt.NDArray[np.float32],
    ) -> Estimates:
        records = self._records(lists, content)
        numbers = np.repeat(
            np.asarray(lists.lists), self.head.list_rows[lists.lists.start : lists.lists.stop]
        )
        centroids = self.head.centroids[lists.lists.start : lists.lists.stop]
        products = (centroids @ vector) * np.float32(self.head.step)
        scales = records.scales.astype(np.float32)
        return Estimates(
            rows=records.rows.astype(np.int64),
            scores=products[numbers - lists.lists.start] + estimate(table, records.codes) * scales,
            errors=scales * np.float32(RELATIVE_ERROR),
            lists=numbers,
            codes=records.codes,
            scales=records.scales,
        )

    def _records(self, lists: ListRange, content: bytes) -> Records:
        """Take lists apart, after comparing their check sums."""
        whole = []
        position = 0
        for number in lists.lists:
            end = position + int(self.head.list_bytes[number])
            records, crc = content[position : end - CRC_BYTES], content[end - CRC_BYTES : end]
            if crc != list_crc(self.head.embeddings, number, records):
                name = self.head.list_files[lists.file].name
                raise self._foreign_error(name, "its check sum is another one")
            whole.append(records)
            position = end
        table = np.frombuffer(b"".join(whole), record_type(self.head.dimensions))
        if table.size and int(table["row"].max()) >= self.head.rows:
            raise self._foreign_error(
                self.head.list_files[lists.file].name, "it names rows that are not there"
            )
        return Records(table["code"], table["scale"], table["row"])

    def _vectors(self, found: Estimates) -> npt.NDArray[np.float32]:
        """Read the vectors of rows, and compare them with their codes."""
        vectors = self._stored_vectors(found.rows.tolist())
        codes, scales = encode(
            quantize(vectors, self.head.step), self.head.centroids[found.lists], self.head.step
        )
        differ = (codes != found.codes).any(axis=1) | (scales != found.scales)
        if differ.any():
            group = self._texts.group_of(int(found.rows[differ.argmax()]))
            name = self.head.files[int(self.head.file_of_group[group])].name
            raise self._foreign_error(name, "its vectors are not those that were indexed")
        return vectors

    def _stored_vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """Read the vectors of rows, float32 of shape `(rows, dimensions)`."""
        size = self.head.dimensions * VECTOR_NUMBER_BYTES
        contents = self._read([self._texts.vector_place(row, size) for row in rows])
        vectors = np.frombuffer(b"".join(contents), "<f2").reshape(-1, self.head.dimensions)
        return vectors.astype(np.float32)

    def _allowed(
        self, rows: npt.NDArray[np.int64], count: int, allowed: PassageFilter
    ) -> list[int]:
        """Return which of some rows a filter allows, the first `count` of them."""
        chosen: list[int] = []
        for first in range(0, len(rows), _FILTERED_AT_ONCE):
            part = rows[first : first + _FILTERED_AT_ONCE].tolist()
            chosen += [
                first + position
                for position, columns in enumerate(self._texts.citations(part))
                if allowed.allows(columns["title"] or "", columns["section"] or "")
            ]
            if len(chosen) >= count:
                break
        return chosen[:count]

    def _read(self, wanted: Sequence[tuple[str, ByteRange]]) -> list[bytes]:
        """Read ranges of several files at the same time; returns them in their order."""
        by_file: dict[str, dict[ByteRange, None]] = {}
        for name, range_ in wanted:
            by_file.setdefault(name, {})[range_] = None
        contents = dict(
            zip(by_file, self._threads.map(self._read_file, by_file.items()), strict=True)
        )
        return [contents[name][range_] for name, range_ in wanted]

    def _read_file(self, wanted: tuple[str, Mapping[ByteRange, None]]) -> Mapping[ByteRange, bytes]:
        name, ranges = wanted
        contents = self._files.read(name, list(ranges))
        for file in self.head.files:
            if file.name == name and self._files.size(name) != file.bytes:
                raise self._foreign_error(name, "it has another size than when it was indexed")
        return dict(zip(ranges, contents, strict=True))

    def _foreign_error(self, name: str, reason: str) -> BadInputError:
        return BadInputError(
            f"{name} of {self._files.label} does not belong to the index there: {reason}. The "
            "dataset is a mixture of two snapshots, or damaged: get or publish it again."
        )
