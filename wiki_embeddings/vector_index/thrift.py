"""Reads Thrift's compact protocol, in which Parquet writes its page headers and indexes.

Arrow reads them too, but gives none of the positions of pages to Python. The format:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from wiki_embeddings.errors import BadInputError

Fields: TypeAlias = Mapping[int, Any]
"""The fields of a struct by their ids; structs in it are mappings too, lists are lists."""

_MAX_DEPTH = 16
"""Parquet nests eight deep; a hostile file could nest until the stack overflows."""


def read_struct(content: bytes) -> tuple[Fields, int]:
    """Read the struct that some bytes begin with.

    Returns:
        Its fields, and the number of bytes that it takes.

    Raises:
        BadInputError: The bytes are no struct, or end before it does.
    """
    reader = _Reader(content)
    try:
        return reader.struct(0), reader.position
    except (IndexError, struct.error) as error:
        raise BadInputError("It is cut short.") from error


class _Reader:
    """Reads one value after the other."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0
        self._readers: dict[int, Callable[[int], Any]] = {
            3: lambda _: self._byte(),
            4: lambda _: self._integer(),
            5: lambda _: self._integer(),
            6: lambda _: self._integer(),
            7: lambda _: struct.unpack("<d", self._take(8))[0],
            8: lambda _: self._take(self._number()),
            9: self._list,
            10: self._list,
            12: self.struct,
        }

    def struct(self, depth: int) -> dict[int, Any]:
        fields: dict[int, Any] = {}
        field = 0
        while header := self._byte():
            field = field + (header >> 4) if header >> 4 else self._integer()
            kind = header & 15
            fields[field] = kind == 1 if kind in (1, 2) else self._value(kind, depth + 1)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _MAX_DEPTH or kind not in self._readers:
            raise BadInputError(f"It has a value of the unknown type {kind}, or nested too deep.")
        return self._readers[kind](depth)

    def _list(self, depth: int) -> list[Any]:
        header = self._byte()
        count = header >> 4 if header >> 4 < 15 else self._number()
        kind = header & 15
        if kind in (1, 2):  # a boolean has a byte of its own in a list
            return [self._byte() == 1 for _ in range(count)]
        return [self._value(kind, depth + 1) for _ in range(count)]

    def _take(self, count: int) -> bytes:
        taken = self._content[self.position : self.position + count]
        if len(taken) < count:
            raise IndexError
        self.position += count
        return taken

    def _byte(self) -> int:
        value = self._content[self.position]
        self.position += 1
        return value

    def _number(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _integer(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)
