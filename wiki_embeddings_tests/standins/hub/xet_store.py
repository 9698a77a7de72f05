"""The content-addressed store of the local Hub: stores xorbs, and makes files of them by shards.

A new file becomes an object of the Hub, by its SHA-256, and belongs to the token's repository: from
then on a commit may name it. Xorbs lie on disk with the objects, and end with them.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from wiki_embeddings_tests.standins.hub.objects import ObjectStore, sha256_of
from wiki_embeddings_tests.standins.hub.repositories import Repository
from wiki_embeddings_tests.standins.hub.xet_formats import (
    Chunk,
    FileRecord,
    XetFormatError,
    read_shard,
    read_xorb,
    shard_of_chunks,
    unpack,
)

TOKEN_PREFIX = "xet_token_of_the_local_hub_"
"""What all its access tokens begin with, so that a test can look for one that leaked."""


@dataclass
class XetStore:
    """Xorbs on disk, and their index; thread-safe.

    Attributes:
        objects: Store of the files.
        offers_grants: True if a new xorb goes to a signed address and a known one is not sent
            again; otherwise clients send every xorb to the store itself.
        token_lifetime_s: Seconds before a token expires; clients renew it earlier.
    """

    objects: ObjectStore
    offers_grants: bool = False
    token_lifetime_s: float = 3600.0
    _granted: dict[str, tuple[Repository, float]] = field(default_factory=dict)
    _xorbs: dict[str, list[Chunk]] = field(default_factory=dict)
    _sections: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, repository: Repository) -> tuple[str, int]:
        """Make an access token for a repository; return it with its time of expiry."""
        expires = time.time() + self.token_lifetime_s
        with self._lock:
            token = f"{TOKEN_PREFIX}{len(self._granted)}"
            self._granted[token] = repository, expires
        return token, int(expires)

    def granted_repository(self, token: str) -> Repository | None:
        """The repository of a token; None if it is unknown or expired."""
        repository, expires = self._granted.get(token, (None, 0.0))
        return repository if time.time() < expires else None

    def has_xorb(self, name: str) -> bool:
        return name in self._xorbs

    def add_xorb(self, name: str, xorb: IO[bytes]) -> bool:
        """Store a xorb; return True if it is new.

        Raises:
            XetFormatError: It is not a xorb.
        """
        chunks = read_xorb(xorb)
        xorb.seek(0)
        incoming = self.objects.new_path()
        with incoming.open("wb") as file:
            shutil.copyfileobj(xorb, file)
        with self._lock:
            is_new = name not in self._xorbs
            incoming.replace(self._path(name))
            self._xorbs[name] = chunks
        return is_new

    def add_shard(self, repository: Repository, content: bytes) -> None:
        """Make the files of a shard, and index its chunks.

        Raises:
            XetFormatError: It is not a shard, or names an unknown xorb, or a file does not have its
                SHA-256.
        """
        shard = read_shard(content)
        for record in shard.files:
            repository.objects.add(self._make(record))
        with self._lock:
            self._sections |= dict.fromkeys(shard.chunks, shard.xorb_section)

    def shard_with(self, chunk: str) -> bytes | None:
        """A shard that lists a chunk and its neighbours; None if the chunk is unknown."""
        section = self._sections.get(chunk)
        return None if section is None else shard_of_chunks(section, int(time.time()))

    def _path(self, name: str) -> Path:
        return self.objects.folder / f"xorb-{name}"

    def _make(self, record: FileRecord) -> str:
        """Make a file of its chunks, and return its SHA-256."""
        path = self.objects.new_path()
        try:
            self._write(record, path)
            sha256 = record.sha256 or sha256_of(path)
            self.objects.adopt(sha256, path)
        except ValueError as error:
            path.unlink(missing_ok=True)
            raise XetFormatError(str(error)) from error
        return sha256

    def _write(self, record: FileRecord, path: Path) -> None:
        with path.open("wb") as file:
            for segment in record.segments:
                chunks = self._xorbs.get(segment.xorb, [])[segment.first_chunk : segment.end_chunk]
                if len(chunks) != segment.end_chunk - segment.first_chunk:
                    raise XetFormatError(f"chunks of xorb {segment.xorb} were never sent")
                with self._path(segment.xorb).open("rb") as xorb:
                    file.writelines(unpack(chunk, xorb) for chunk in chunks)
