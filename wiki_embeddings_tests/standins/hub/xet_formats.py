"""The binary formats of Xet: xorbs, which hold chunks, and shards, which describe files.

As https://huggingface.co/docs/xet describes them: little-endian, all entries of a shard 48 bytes
long. Knows neither stores nor requests. Hashes of chunks and xorbs are BLAKE3, which the standard
library lacks: they serve as names and are not checked.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa

CHUNK_HEADER_BYTES = 8
"""Version, stored size (3 bytes), scheme, size (3 bytes)."""

STORED, LZ4, GROUPED_LZ4 = 0, 1, 2
"""How a chunk is compressed; grouped means all first bytes of four, then all second ones, …"""

XORB_FOOTER = b"XETBLOB"

SHARD_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
SHARD_VERSION, SHARD_FOOTER_VERSION = 2, 1
SHARD_FOOTER_BYTES = 200
ENTRY_BYTES = 48
HAS_VERIFICATION, HAS_METADATA = 1 << 31, 1 << 30
BOOKEND = b"\xff" * 32
"""Hash of the entry that ends a section."""

NEVER = (1 << 64) - 1


class XetFormatError(ValueError):
    """Bytes that are not a valid xorb or shard."""


@dataclass(frozen=True)
class Chunk:
    """A chunk in a xorb.

    Attributes:
        offset: Offset of its stored bytes.
        stored_bytes: Size after compression.
        size: Size before compression.
        scheme: `STORED`, `LZ4` or `GROUPED_LZ4`.
    """

    offset: int
    stored_bytes: int
    size: int
    scheme: int


@dataclass(frozen=True)
class Segment:
    """A run of chunks of one xorb: a piece of a file."""

    xorb: str
    first_chunk: int
    end_chunk: int


@dataclass(frozen=True)
class FileRecord:
    """The pieces of a file.

    Attributes:
        sha256: SHA-256 of its content; None if the client did not send it.
    """

    segments: tuple[Segment, ...]
    sha256: str | None


@dataclass(frozen=True)
class Shard:
    """The content of a shard.

    Attributes:
        xorb_section: The blocks that list the chunks of each xorb, verbatim.
        chunks: Hashes of these chunks.
    """

    files: tuple[FileRecord, ...]
    xorb_section: bytes
    chunks: frozenset[str]


def hexadecimal(digest: bytes) -> str:
    """A hash as Xet writes it: four little-endian numbers."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", digest))


def read_xorb(xorb: IO[bytes]) -> list[Chunk]:
    """List the chunks of a xorb, read from its beginning.

    Raises:
        XetFormatError: The bytes are inconsistent.
    """
    chunks = []
    place = 0
    while header := xorb.read(CHUNK_HEADER_BYTES):
        if header.startswith(XORB_FOOTER):
            break
        if len(header) < CHUNK_HEADER_BYTES or header[0] != 0 or header[4] > GROUPED_LZ4:
            raise XetFormatError(f"no chunk header at byte {place} of the xorb")
        stored_bytes, size = (int.from_bytes(header[at : at + 3], "little") for at in (1, 5))
        chunks.append(Chunk(place + CHUNK_HEADER_BYTES, stored_bytes, size, header[4]))
        place = xorb.seek(stored_bytes, io.SEEK_CUR)
    if not chunks or place > xorb.seek(0, io.SEEK_END):
        raise XetFormatError("the xorb ends within a chunk")
    return chunks


def unpack(chunk: Chunk, xorb: IO[bytes]) -> bytes:
    """Read a chunk from its xorb."""
    xorb.seek(chunk.offset)
    stored = xorb.read(chunk.stored_bytes)
    if chunk.scheme == STORED:
        return stored
    data: bytes = pa.Codec("lz4").decompress(stored, decompressed_size=chunk.size, asbytes=True)
    return _ungrouped(data) if chunk.scheme == GROUPED_LZ4 else data


def _ungrouped(grouped: bytes) -> bytes:
    data = np.empty(len(grouped), np.uint8)
    place = 0
    for group in range(4):
        target = data[group::4]
        target[:] = np.frombuffer(grouped, np.uint8, len(target), place)
        place += len(target)
    return data.tobytes()


def read_shard(shard: bytes) -> Shard:
    """Read an uploaded shard, which has no footer.

    Raises:
        XetFormatError: The bytes are inconsistent.
    """
    if not shard.startswith(SHARD_TAG):
        raise XetFormatError("no shard: it begins otherwise")
    stream = io.BytesIO(shard)
    stream.seek(ENTRY_BYTES)  # the header is as long as an entry
    files = tuple(_files(stream))
    begin = stream.tell()
    chunks = frozenset(_chunks(stream))
    return Shard(files, shard[begin : stream.tell()], chunks)


def _files(stream: IO[bytes]) -> Iterator[FileRecord]:
    while True:
        file_hash, flags, count, _ = struct.unpack("<32sIIQ", _entry(stream))
        if file_hash == BOOKEND:
            return
        segments = tuple(_segment(_entry(stream)) for _ in range(count))
        if flags & HAS_VERIFICATION:
            for _ in segments:
                _entry(stream)
        sha256 = hexadecimal(_entry(stream)[:32]) if flags & HAS_METADATA else None
        yield FileRecord(segments, sha256)


def _segment(entry: bytes) -> Segment:
    xorb, _, _, first_chunk, end_chunk = struct.unpack("<32sIIII", entry)
    return Segment(hexadecimal(xorb), first_chunk, end_chunk)


def _chunks(stream: IO[bytes]) -> Iterator[str]:
    while True:
        xorb, _, count, _, _ = struct.unpack("<32sIIII", _entry(stream))
        if xorb == BOOKEND:
            return
        yield from (hexadecimal(_entry(stream)[:32]) for _ in range(count))


def _entry(stream: IO[bytes]) -> bytes:
    entry = stream.read(ENTRY_BYTES)
    if len(entry) < ENTRY_BYTES:
        raise XetFormatError(f"the shard ends at byte {stream.tell()}, within a section")
    return entry


def shard_of_chunks(xorb_section: bytes, created: int) -> bytes:
    """Make a shard that tells a client which chunks it need not send.

    Its lookup tables are empty: clients then read the section itself. Chunk hashes are plain; the
    real store hides them behind a key.
    """
    header = SHARD_TAG + struct.pack("<QQ", SHARD_VERSION, SHARD_FOOTER_BYTES)
    no_files = BOOKEND + bytes(ENTRY_BYTES - len(BOOKEND))
    begin = len(header) + len(no_files)
    end = begin + len(xorb_section)
    sections = (len(header), begin, end, 0, end, 0, end, 0)
    footer = struct.pack("<9Q", SHARD_FOOTER_VERSION, *sections)
    footer += bytes(32) + struct.pack("<QQ", created, NEVER) + bytes(9 * 8)
    return header + no_files + xorb_section + footer + struct.pack("<Q", end)
