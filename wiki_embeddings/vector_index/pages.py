"""Where the rows of a published Parquet file lie, so that one of them is read without the others.

The files are this project's own (`stages.dataset`): vectors are neither compressed nor encoded, and
texts have no dictionary. So a vector lies at a place that the page index tells, and a text in a
page that decompresses to one text after the other. The format:
https://github.com/apache/parquet-format
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.vector_index.thrift import Fields, read_struct

TRAILER_BYTES = 8
"""Length of the footer, and `PAR1`."""

# Ids of the fields that are read, in parquet.thrift.
_ROW_GROUPS = 4  # of FileMetaData
_COLUMNS, _GROUP_ROWS = 1, 3  # of RowGroup
_METADATA, _OFFSET_INDEX = 3, 4  # of ColumnChunk
_ENCODINGS, _PATH, _CODEC, _DATA_OFFSET, _DICTIONARY_OFFSET = 2, 3, 4, 9, 11  # of ColumnMetaData
_OFFSET, _BYTES, _FIRST_ROW = 1, 2, 3  # of PageLocation
_PAGE_TYPE, _UNCOMPRESSED, _COMPRESSED, _DATA_PAGE = 1, 2, 3, 5  # of PageHeader
_VALUES, _ENCODING = 1, 2  # of DataPageHeader

_PLAIN, _RLE = 0, 3
_NOT_COMPRESSED, _ZSTD = 0, 6


@dataclass(frozen=True)
class Pages:
    """The pages of one column in one row group, which follow each other without gaps.

    Attributes:
        start: Position of the first page in the file.
        rows: Rows in each page, uint32.
        bytes: Bytes of each page with its header, uint32.
    """

    start: int
    rows: npt.NDArray[np.uint32]
    bytes: npt.NDArray[np.uint32]

    def page_of(self, row: int) -> tuple[int, int, int]:
        """Return the page of a row: its number, and the rows and bytes before it."""
        page = int(np.searchsorted(np.cumsum(self.rows), row, side="right"))
        before = slice(page)
        return page, int(self.rows[before].sum()), self.start + int(self.bytes[before].sum())

    def range_of(self, row: int) -> tuple[int, int, int]:
        """Return where the page of a row lies in the file, and the row's number in it."""
        page, rows_before, start = self.page_of(row)
        return start, start + int(self.bytes[page]), row - rows_before

    def vector_range(self, row: int, vector_bytes: int) -> tuple[int, int]:
        """Return where the vector of a row lies in the file, if these are pages of vectors.

        The vectors are the last bytes of their page: what is before them is the page's header and
        its repetition and definition levels.
        """
        page, rows_before, start = self.page_of(row)
        rows_after = rows_before + int(self.rows[page]) - row
        begin = start + int(self.bytes[page]) - rows_after * vector_bytes
        return begin, begin + vector_bytes


@dataclass(frozen=True)
class RowGroup:
    """Where one row group of a published file lies.

    Attributes:
        rows: Number of rows.
        start: Position of the first column, which is followed by others up to the texts.
        texts: Pages of the texts.
        vectors: Pages of the vectors.
    """

    rows: int
    start: int
    texts: Pages
    vectors: Pages


def locate_row_groups(file: BinaryIO, size: int) -> tuple[int, list[RowGroup]]:
    """Find out where the rows of a published file lie.

    Args:
        file: The file, open for reading.
        size: Its bytes.

    Returns:
        Bytes of the footer with its trailer, and the row groups.

    Raises:
        BadInputError: It is not laid out as this project does.
    """
    file.seek(size - TRAILER_BYTES)
    footer_bytes = struct.unpack("<I", file.read(TRAILER_BYTES)[:4])[0] + TRAILER_BYTES
    file.seek(size - footer_bytes)
    metadata, _ = read_struct(file.read(footer_bytes))
    return footer_bytes, [_row_group(file, group) for group in metadata[_ROW_GROUPS]]


def _row_group(file: BinaryIO, group: Fields) -> RowGroup:
    columns = {b".".join(chunk[_METADATA][_PATH]): chunk for chunk in group[_COLUMNS]}
    first = group[_COLUMNS][0][_METADATA]
    texts, vectors = columns[b"text"], columns[b"embedding.list.element"]
    for chunk, codec in ((texts, _ZSTD), (vectors, _NOT_COMPRESSED)):
        metadata = chunk[_METADATA]
        is_plain = set(metadata[_ENCODINGS]) <= {_PLAIN, _RLE}
        if metadata[_CODEC] != codec or not is_plain or _OFFSET_INDEX not in chunk:
            raise BadInputError(f"{metadata[_PATH]} is not stored as in this project's files.")
    return RowGroup(
        rows=group[_GROUP_ROWS],
        start=first.get(_DICTIONARY_OFFSET, first[_DATA_OFFSET]),
        texts=_pages(file, texts, group[_GROUP_ROWS]),
        vectors=_pages(file, vectors, group[_GROUP_ROWS]),
    )


def _pages(file: BinaryIO, chunk: Fields, rows: int) -> Pages:
    file.seek(chunk[_OFFSET_INDEX])
    index, _ = read_struct(file.read(chunk[_OFFSET_INDEX + 1]))
    locations: Sequence[Fields] = index[1]
    firsts = np.array([location[_FIRST_ROW] for location in locations])
    starts = np.array([location[_OFFSET] for location in locations])
    sizes = np.array([location[_BYTES] for location in locations])
    if (starts[:-1] + sizes[:-1] != starts[1:]).any():
        raise BadInputError("There are gaps between the pages of a column.")
    page_rows = np.diff(firsts, append=rows)
    return Pages(int(starts[0]), page_rows.astype(np.uint32), sizes.astype(np.uint32))


_MAX_PAGE_BYTES = 64 << 20
"""Of a page of texts once it is decompressed; ours have a quarter of a megabyte."""


def text_in_page(page: bytes, row: int) -> str:
    """Return one text of a page.

    Args:
        page: A page of texts with its header.
        row: Number of the row in the page.

    Raises:
        BadInputError: The page is damaged, or not one of this project's.
    """
    header, length = read_struct(page)
    data = header.get(_DATA_PAGE)
    size = header.get(_UNCOMPRESSED, -1)
    body = page[length:]
    if (
        header.get(_PAGE_TYPE) != 0
        or not data
        or data.get(_ENCODING) != _PLAIN
        or not 0 <= size <= _MAX_PAGE_BYTES
        or header.get(_COMPRESSED) != len(body)
        or not 0 <= row < data.get(_VALUES, -1)
    ):
        raise BadInputError("It is no page of texts, or not this one.")
    try:
        texts = pa.decompress(body, decompressed_size=size, codec="zstd", asbytes=True)
    except (OSError, pa.ArrowException) as error:
        raise BadInputError(f"Its page of texts is damaged: {error}.") from error
    position = 0
    for _ in range(row):
        position += 4 + int.from_bytes(texts[position : position + 4], "little")
    begin = position + 4
    end = begin + int.from_bytes(texts[position:begin], "little")
    if end > len(texts):
        raise BadInputError("Its page of texts ends too early.")
    try:
        return texts[begin:end].decode()
    except UnicodeDecodeError as error:
        raise BadInputError("Its text is no valid Unicode.") from error
