"""The content-addressed store of the local Hub: keeps xorbs, makes files of them as shards tell.

A file that is made becomes an object of the Hub, under its SHA-256, and belongs to the repository
that the token was granted for: from then on a commit may name it. Xorbs lie on disk beside the
objects, and go when these do.
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
    """Xorbs on disk, and what is known of them; safe with threads.

    Attributes:
        objects: Where the files go.
        offers_grants: Whether a xorb that is not there yet goes to a signed address, and one that
            is there is not sent again; otherwise clients send every xorb to the store itself.
        token_lifetime_s: After it a token is refused; clients ask for another before.
    """

    objects: ObjectStore
    offers_grants: bool = False
    token_lifetime_s: float = 3600.0
    _granted: dict[str, tuple[Repository, float]] = field(default_factory=dict)
    _xorbs: dict[str, list[Chunk]] = field(default_factory=dict)
    _sections: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, repository: Repository) -> tuple[str, int]:
        """An access token for a repository, and the second when it expires."""
        expires = time.time() + self.token_lifetime_s
        with self._lock:
            token = f"{TOKEN_PREFIX}{len(self._granted)}"
            self._granted[token] = repository, expires
        return token, int(expires)

    def granted_repository(self, token: str) -> Repository | None:
        """What a token was granted for; None if it is none, or expired."""
        repository, expires = self._granted.get(token, (None, 0.0))
        return repository if time.time() < expires else None

    def has_xorb(self, name: str) -> bool:
        return name in self._xorbs

    def add_xorb(self, name: str, xorb: IO[bytes]) -> bool:
        """Keeps a xorb; tells whether it is new.

        Raises:
            XetFormatError: It is no xorb.
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
        """Makes the files that a shard tells of, and lets others find its chunks.

        Raises:
            XetFormatError: It is no shard, or names a xorb that was never sent, or a file has
                another SHA-256 than it says.
        """
        shard = read_shard(content)
        for record in shard.files:
            repository.objects.add(self._make(record))
        with self._lock:
            self._sections |= dict.fromkeys(shard.chunks, shard.xorb_section)

    def shard_with(self, chunk: str) -> bytes | None:
        """A shard that lists a chunk and its neighbours; None if nobody has sent it."""
        section = self._sections.get(chunk)
        return None if section is None else shard_of_chunks(section, int(time.time()))

    def _path(self, name: str) -> Path:
        return self.objects.folder / f"xorb-{name}"

    def _make(self, record: FileRecord) -> str:
        """Makes a file of its chunks; returns its SHA-256."""
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
