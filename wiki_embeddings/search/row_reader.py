"""Single rows of published Parquet files, by ranges: where they lie, and what they say.

Of a row group the columns before the texts are read whole (some 150 kB), and of the texts the page
that holds the row; an index says where both are.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.byte_ranges import ByteRange
from wiki_embeddings.search.file_errors import translate_read_errors
from wiki_embeddings.vector_index.head import IndexHead
from wiki_embeddings.vector_index.pages import text_in_page

Place = tuple[str, ByteRange]
"""A range of a file, by the file's path in the dataset."""

_COLUMNS = ["id", "url", "title", "revision_id", "section", "chunk_index"]

_ADVICE = "Get or publish the dataset again."


class RowReader:
    """Reads rows of the data files of an index.

    Args:
        head: The head of the index.
        read: Reads ranges of several files.
        label: The dataset, for error messages.
    """

    def __init__(
        self, head: IndexHead, read: Callable[[Sequence[Place]], list[bytes]], label: str
    ) -> None:
        self._head = head
        self._read = read
        self._label = label
        self._footers: dict[str, pq.FileMetaData] = {}

    def group_of(self, row: int) -> int:
        """Return the number of the row group of a row, among those of all files."""
        return int(np.searchsorted(self._head.first_rows, row, side="right")) - 1

    def vector_place(self, row: int, vector_bytes: int) -> Place:
        """Return where the vector of a row is."""
        group = self.group_of(row)
        offset = row - int(self._head.first_rows[group])
        vectors = self._head.row_groups[group].vectors
        return self._name(group), vectors.vector_range(offset, vector_bytes)

    def passages(self, rows: Sequence[int]) -> list[Mapping[str, Any]]:
        """Read rows: their citations, and their texts."""
        return self._rows(rows, with_texts=True)

    def citations(self, rows: Sequence[int]) -> list[Mapping[str, Any]]:
        """Read the columns of rows that say where a passage is from."""
        return self._rows(rows, with_texts=False)

    def _rows(self, rows: Sequence[int], *, with_texts: bool) -> list[Mapping[str, Any]]:
        groups = [self.group_of(row) for row in rows]
        offsets = [
            row - int(self._head.first_rows[group]) for row, group in zip(rows, groups, strict=True)
        ]
        self._read_footers(groups)
        places = [self._citation_place(group) for group in groups]
        pages = [
            self._head.row_groups[group].texts.range_of(offset)
            for group, offset in zip(groups, offsets, strict=True)
        ]
        if with_texts:
            places += [
                (self._name(group), (start, stop))
                for group, (start, stop, _) in zip(groups, pages, strict=True)
            ]
        contents = self._read(places)
        tables: dict[int, pa.Table] = {}
        found: list[Mapping[str, Any]] = []
        for number, (group, offset) in enumerate(zip(groups, offsets, strict=True)):
            if group not in tables:
                tables[group] = self._citations(group, contents[number])
            row = tables[group].slice(offset, 1).to_pylist()[0]
            if with_texts:
                row["text"] = self._text(group, contents[len(rows) + number], pages[number][2])
            found.append(row)
        return found

    def _name(self, group: int) -> str:
        return self._head.files[self._head.file_of_group[group]].name

    def _citation_place(self, group: int) -> Place:
        located = self._head.row_groups[group]
        return self._name(group), (located.start, located.texts.start)

    def _read_footers(self, groups: Sequence[int]) -> None:
        """Read the footers of the files of some row groups, unless they are known."""
        numbers = {int(self._head.file_of_group[group]) for group in groups}
        files = [self._head.files[number] for number in sorted(numbers)]
        missing = [file for file in files if file.name not in self._footers]
        places = [(file.name, (file.bytes - file.footer_bytes, file.bytes)) for file in missing]
        for file, content in zip(missing, self._read(places), strict=True):
            with translate_read_errors(f"{file.name} of {self._label}", _ADVICE):
                metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + content))
            if metadata.num_row_groups != file.row_groups:
                raise BadInputError(
                    f"{file.name} of {self._label} has other row groups than when it was indexed: "
                    "the dataset is a mixture of two snapshots. Get or publish it again."
                )
            self._footers[file.name] = metadata

    def _citations(self, group: int, content: bytes) -> pa.Table:
        """Read the columns before the texts of a row group."""
        number = int(self._head.file_of_group[group])
        file = self._head.files[number]
        located = self._head.row_groups[group]
        source = pa.PythonFile(_FilePart(file.bytes, located.start, content), mode="r")
        with (
            translate_read_errors(f"{file.name} of {self._label}", _ADVICE),
            pq.ParquetFile(source, metadata=self._footers[file.name]) as parquet,
        ):
            table = parquet.read_row_group(
                group - int(self._head.first_groups[number]), _COLUMNS, use_threads=False
            )
            if table.num_rows != located.rows or table.column_names != _COLUMNS:
                raise ValueError("it has other rows or columns than when it was indexed")
        return table

    def _text(self, group: int, page: bytes, row: int) -> str:
        try:
            return text_in_page(page, row)
        except BadInputError as error:
            raise BadInputError(
                f"Cannot read {self._name(group)} of {self._label}: {error} {_ADVICE}"
            ) from error


class _FilePart(io.RawIOBase):
    """A file of which one range is here, for a reader that asks for nothing else."""

    def __init__(self, size: int, start: int, content: bytes) -> None:
        self._size, self._start, self._content = size, start, content
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        begin = self._position - self._start
        found = self._content[begin : begin + size] if begin >= 0 and size >= 0 else b""
        if len(found) < size or size < 0:
            raise ValueError("a column is not where it was when the file was indexed")
        self._position += size
        return found
