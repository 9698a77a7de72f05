"""The head of an index: the centroids, how many rows each list has, and where each row's vector is.

A file in the format safetensors (https://github.com/huggingface/safetensors), which is read once
and kept. The lists are in other files, one after the other in the order of the centroids; a list
has its records (`quantization.record_type`) and then four bytes of CRC-32.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.vector_index.pages import Pages, RowGroup
from wiki_embeddings.vector_index.quantization import Integers, record_type

FORMAT = "wiki-embeddings index 1"

CRC_BYTES = 4

VECTOR_NUMBER_BYTES = 2
"""Stored vectors are float16."""

_PAGE_COLUMNS = ("text", "vector")


@dataclass(frozen=True)
class IndexedFile:
    """A data file that an index belongs to.

    Attributes:
        name: Path in the dataset.
        bytes: Size.
        sha256: SHA-256, in hexadecimal.
        footer_bytes: Bytes of its footer with the trailer.
        row_groups: Number of row groups.
    """

    name: str
    bytes: int
    sha256: str
    footer_bytes: int
    row_groups: int


@dataclass(frozen=True)
class ListFile:
    """A file of lists.

    Attributes:
        name: Path in the dataset.
        lists: Number of lists in it.
    """

    name: str
    lists: int


@dataclass(frozen=True)
class IndexHead:
    """The head of an index.

    Attributes:
        embeddings: Digest of the manifest of the embeddings; equal for equal vectors.
        step: Step of quantization.
        centroids: int8 of shape `(lists, dimensions)`.
        list_rows: Rows of each list, uint32.
        list_files: The files of the lists, in order.
        files: The data files, in the order of their rows.
        row_groups: The row groups of all data files, in order.
    """

    embeddings: str
    step: float
    centroids: Integers
    list_rows: npt.NDArray[np.uint32]
    list_files: tuple[ListFile, ...]
    files: tuple[IndexedFile, ...]
    row_groups: tuple[RowGroup, ...]

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self.centroids.shape[1])

    @cached_property
    def list_bytes(self) -> npt.NDArray[np.int64]:
        """Bytes of each list."""
        size = record_type(self.dimensions).itemsize
        return self.list_rows.astype(np.int64) * size + CRC_BYTES

    @cached_property
    def list_places(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Number of the file of each list, and its position there."""
        lists = np.array([file.lists for file in self.list_files], np.int64)
        numbers = np.repeat(np.arange(len(lists)), lists)
        begins = np.cumsum(self.list_bytes) - self.list_bytes
        firsts = (np.cumsum(lists) - lists)[numbers]
        return numbers, begins - begins[firsts]

    @cached_property
    def first_rows(self) -> npt.NDArray[np.int64]:
        """First row of each row group, and the number of all rows at the end."""
        rows = np.array([group.rows for group in self.row_groups], np.int64)
        return np.concatenate([[0], np.cumsum(rows)])

    @cached_property
    def file_of_group(self) -> npt.NDArray[np.int64]:
        """Number of the data file of each row group."""
        return np.repeat(np.arange(len(self.files)), [file.row_groups for file in self.files])

    @cached_property
    def first_groups(self) -> npt.NDArray[np.int64]:
        """Number of the first row group of each data file."""
        groups = np.array([file.row_groups for file in self.files], np.int64)
        return np.cumsum(groups) - groups

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.first_rows[-1])


def list_crc(embeddings: str, number: int, records: bytes) -> bytes:
    """Return the check sum of a list: of its records, its number and the vectors it belongs to."""
    seed = zlib.crc32(f"{embeddings} {number} ".encode())
    return zlib.crc32(records, seed).to_bytes(CRC_BYTES, "little")


def to_bytes(head: IndexHead) -> bytes:
    """Serialize a head."""
    tensors: dict[str, npt.NDArray[Any]] = {
        "centroids": head.centroids,
        "list_rows": head.list_rows.astype(np.uint32),
        "group_rows": np.array([group.rows for group in head.row_groups], np.uint32),
        "group_starts": np.array([group.start for group in head.row_groups], np.uint64),
    }
    for column in _PAGE_COLUMNS:
        pages = [_pages_of(group, column) for group in head.row_groups]
        tensors |= {
            f"{column}_starts": np.array([each.start for each in pages], np.uint64),
            f"{column}_pages": np.array([len(each.rows) for each in pages], np.uint32),
            f"{column}_page_rows": _joined([each.rows for each in pages]),
            f"{column}_page_bytes": _joined([each.bytes for each in pages]),
        }
    metadata = {
        "format": FORMAT,
        "embeddings": head.embeddings,
        "step": repr(head.step),
        "list_files": json.dumps([asdict(file) for file in head.list_files]),
        "files": json.dumps([asdict(file) for file in head.files]),
    }
    return save(tensors, metadata)


def _pages_of(group: RowGroup, column: str) -> Pages:
    return group.texts if column == "text" else group.vectors


def _joined(arrays: Sequence[npt.NDArray[np.uint32]]) -> npt.NDArray[np.uint32]:
    return np.concatenate([np.zeros(0, np.uint32), *arrays])


def from_bytes(content: bytes, where: str) -> IndexHead:
    """Parse a head that may be damaged or hostile.

    Args:
        content: The file.
        where: What it is, for error messages.

    Raises:
        BadInputError: It is not the head of an index of this format, or contradicts itself.
    """
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        head = _parse(tensors, json.loads(content[8 : 8 + length])["__metadata__"])
        _require_consistent(head)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadInputError(
            f"{where} is not the head of an index that this release reads ({error}): update "
            "wiki-embeddings, or publish the dataset again."
        ) from error
    return head


def _parse(tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> IndexHead:
    if metadata["format"] != FORMAT:
        raise ValueError(f"its format is {metadata['format']!r}, not {FORMAT!r}")
    if tensors["centroids"].dtype != np.int8 or tensors["centroids"].ndim != 2:
        raise ValueError("its centroids are no bytes")
    for name, tensor in tensors.items():
        if name != "centroids" and (tensor.ndim != 1 or tensor.dtype not in (np.uint32, np.uint64)):
            raise ValueError(f"{name} is no list of numbers")
    texts, vectors = (_split_pages(tensors, column) for column in _PAGE_COLUMNS)
    groups = zip(tensors["group_rows"], tensors["group_starts"], texts, vectors, strict=True)
    return IndexHead(
        embeddings=metadata["embeddings"],
        step=float(metadata["step"]),
        centroids=tensors["centroids"],
        list_rows=tensors["list_rows"],
        list_files=tuple(ListFile(**file) for file in json.loads(metadata["list_files"])),
        files=tuple(IndexedFile(**file) for file in json.loads(metadata["files"])),
        row_groups=tuple(RowGroup(int(rows), int(start), *both) for rows, start, *both in groups),
    )


def _split_pages(tensors: Mapping[str, npt.NDArray[Any]], column: str) -> list[Pages]:
    ends = np.cumsum(tensors[f"{column}_pages"]).tolist()
    rows, sizes = tensors[f"{column}_page_rows"], tensors[f"{column}_page_bytes"]
    if not len(rows) == len(sizes) == (ends[-1] if ends else 0):
        raise ValueError(f"it counts its pages of {column} in two ways")
    return [
        Pages(int(start), rows[begin:end], sizes[begin:end])
        for start, (begin, end) in zip(
            tensors[f"{column}_starts"], pairwise([0, *ends]), strict=True
        )
    ]


def _require_consistent(head: IndexHead) -> None:
    """Make sure that all numbers agree, so that no row is sought where it cannot be."""
    lists, dimensions = head.centroids.shape
    vector_bytes = dimensions * VECTOR_NUMBER_BYTES
    if not (dimensions and head.step > 0 and np.isfinite(head.step)):
        raise ValueError("its vectors have no size")
    counts = [file.lists for file in head.list_files]
    if not len(head.list_rows) == lists == sum(counts) or min(counts, default=0) < 0:
        raise ValueError("it counts its lists in two ways")
    if int(head.list_rows.sum(dtype=np.int64)) != head.rows:
        raise ValueError("its lists have other rows than its data files")
    if sum(file.row_groups for file in head.files) != len(head.row_groups):
        raise ValueError("it counts its row groups in two ways")
    for group, number in zip(head.row_groups, head.file_of_group, strict=True):
        end = head.files[number].bytes
        for pages, least in ((group.texts, 0), (group.vectors, vector_bytes)):
            sizes = pages.bytes.astype(np.int64)
            is_whole = int(pages.rows.sum(dtype=np.int64)) == group.rows
            if not is_whole or (sizes < pages.rows.astype(np.int64) * least).any():
                raise ValueError("its pages have other rows than its row groups")
            if not 0 <= group.start <= pages.start <= pages.start + int(sizes.sum()) <= end:
                raise ValueError("its pages are outside their file")
