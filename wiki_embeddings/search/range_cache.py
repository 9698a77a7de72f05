"""Ranges that were read before, kept on disk up to a bound: a repeated search asks nobody.

One SQLite file for all datasets, which several threads and processes may use at once. A dataset is
named by its place and its commit, so that what is kept of it never becomes outdated; what was not
used for longest goes first. A cache that cannot be used is left out with a warning, because the
bytes are where they came from as well.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from wiki_embeddings.search.byte_ranges import ByteRange, ByteRanges, Traffic, require_plain_path

CACHE_FILE = "ranges.db"
"""Name of the file in the home folder."""

_SCHEMA = """\
CREATE TABLE IF NOT EXISTS sizes (
    origin TEXT, path TEXT, size INTEGER NOT NULL, PRIMARY KEY (origin, path)
);
CREATE TABLE IF NOT EXISTS ranges (
    origin TEXT, path TEXT, first INTEGER, stop INTEGER, used_ns INTEGER NOT NULL,
    crc INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (origin, path, first, stop)
);
"""

_FILLED_AGAIN_TO = 0.9
"""Share of the bound that stays when it is exceeded, so that not every search has to tidy up."""

_LOCK_TIMEOUT_S = 5.0

ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)


class RangeCache:
    """The file that keeps ranges.

    Args:
        path: The file; it and its folder are made when something is kept.
        limit: Most bytes of content to keep.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._limit = limit
        self._lock = threading.Lock()

    def size(self, origin: str, path: str) -> int | None:
        """Return the size of a file; None if it is not known."""

        def select(database: sqlite3.Connection) -> int | None:
            found = database.execute(
                "SELECT size FROM sizes WHERE origin = ? AND path = ?", (origin, path)
            ).fetchone()
            return found[0] if found else None

        return self._use(select, None)

    def keep_size(self, origin: str, path: str, size: int) -> None:
        """Keep the size of a file."""

        def insert(database: sqlite3.Connection) -> None:
            database.execute("INSERT OR REPLACE INTO sizes VALUES (?, ?, ?)", (origin, path, size))

        self._use(insert, None)

    def get(self, origin: str, path: str, ranges: Sequence[ByteRange]) -> dict[ByteRange, bytes]:
        """Return those of some ranges of a file that are kept."""

        def select(database: sqlite3.Connection) -> dict[ByteRange, bytes]:
            found = {}
            for first, stop in ranges:
                key = (origin, path, first, stop)
                row = database.execute(
                    "SELECT crc, content FROM ranges "
                    "WHERE origin = ? AND path = ? AND first = ? AND stop = ?",
                    key,
                ).fetchone()
                if row and len(row[1]) == stop - first and zlib.crc32(row[1]) == row[0]:
                    found[first, stop] = row[1]
            now = time.time_ns()
            database.executemany(
                "UPDATE ranges SET used_ns = ? "
                "WHERE origin = ? AND path = ? AND first = ? AND stop = ?",
                [(now, origin, path, *range_) for range_ in found],
            )
            return found

        return self._use(select, {})

    def keep(self, origin: str, path: str, contents: Mapping[ByteRange, bytes]) -> None:
        """Keep some ranges of a file, and let go of others if there are too many."""

        def insert(database: sqlite3.Connection) -> None:
            now = time.time_ns()
            database.executemany(
                "INSERT OR REPLACE INTO ranges VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (origin, path, *range_, now, zlib.crc32(content), content)
                    for range_, content in contents.items()
                ],
            )
            self._tidy(database)

        self._use(insert, None)

    def _tidy(self, database: sqlite3.Connection) -> None:
        (kept,) = database.execute("SELECT total(stop - first) FROM ranges").fetchone()
        if kept <= self._limit:
            return
        going = []
        rows = database.execute("SELECT rowid, stop - first FROM ranges ORDER BY used_ns")
        for row, length in rows:
            if kept <= self._limit * _FILLED_AGAIN_TO:
                break
            going.append((row,))
            kept -= length
        rows.close()
        database.executemany("DELETE FROM ranges WHERE rowid = ?", going)

    def _use(self, work: Callable[[sqlite3.Connection], ResultT], otherwise: ResultT) -> ResultT:
        """Do something in one transaction; give `otherwise` where the cache cannot be used."""
        with self._lock:
            try:
                with self._opened() as database:
                    return work(database)
            except (sqlite3.Error, OSError) as error:
                log.warning("Searching without the cache %s: %s.", self.path, error)
                # An operational error (no room, no right, locked) says nothing of its content.
                is_damaged = isinstance(error, sqlite3.DatabaseError)
                if is_damaged and not isinstance(error, sqlite3.OperationalError):
                    clear(self.path)
                return otherwise

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT_S)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            with database:
                database.executescript(_SCHEMA)
                yield database


def stored_files(path: Path) -> list[Path]:
    """Return the files of a cache that exist: its own and those that SQLite keeps beside it."""
    candidates = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]
    return [file for file in candidates if file.exists()]


def clear(path: Path) -> None:
    """Remove a cache; whoever has it open goes on without."""
    for file in stored_files(path):
        file.unlink(missing_ok=True)


class CachedRanges:
    """Files of which a cache keeps what was read; implements `ByteRanges`.

    Args:
        files: Where they are.
        cache: The cache.
        origin: Their place and version; nothing else may have the same.
    """

    def __init__(self, files: ByteRanges, cache: RangeCache, origin: str) -> None:
        self.label = files.label
        self._files = files
        self._cache = cache
        self._origin = origin

    @property
    def traffic(self) -> Traffic:
        """What was fetched, without what was in the cache."""
        return self._files.traffic

    def size(self, path: str) -> int:
        """Return the bytes of a file; see `ByteRanges`."""
        size = self._cache.size(self._origin, path)
        if size is None:
            size = self._files.size(path)
            self._cache.keep_size(self._origin, path, size)
        return size

    def read(self, path: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read some ranges of a file, and fetch those that are not kept; see `ByteRanges`."""
        require_plain_path(path, self.label)
        contents = self._cache.get(self._origin, path, ranges)
        missing = [range_ for range_ in dict.fromkeys(ranges) if range_ not in contents]
        if missing:
            fetched = dict(zip(missing, self._files.read(path, missing), strict=True))
            self._cache.keep(self._origin, path, fetched)
            contents |= fetched
        return [contents[range_] for range_ in ranges]

    def close(self) -> None:
        """Close the connections."""
        self._files.close()
