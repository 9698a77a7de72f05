"""What the local Hub keeps: repositories, their commits, and files with the ids git gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

LARGE_SUFFIXES = frozenset({".parquet", ".safetensors", ".bin", ".arrow", ".gz", ".npy", ".bz2"})
"""What the Hub's default .gitattributes keep outside of git."""

LARGE_BYTES = 10_000_000


@dataclass(frozen=True)
class StoredFile:
    path: str
    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def is_large(self) -> bool:
        return PurePosixPath(self.path).suffix in LARGE_SUFFIXES or self.size > LARGE_BYTES

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git holds in place of a large file."""
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}")
        return "\n".join((*lines, f"size {self.size}", "")).encode()

    @cached_property
    def blob_id(self) -> str:
        blob = self.pointer if self.is_large else self.data
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_large else self.blob_id


@dataclass
class Repository:
    """One repository.

    Attributes:
        repo_type: `model` or `dataset`.
        private: Whether only a token opens it.
        gated: Whether only a token opens its files; the list of them is there for everyone.
        commits: Files by path, by commit id.
        branches: Commit id by name.
    """

    repo_id: str
    repo_type: str
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, StoredFile]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Mapping[str, bytes], branch: str, commit: str | None) -> str:
        """Makes `files` the content of a branch; returns the commit id."""
        stored = {path: StoredFile(path, data) for path, data in sorted(files.items())}
        listing = "\n".join(f"{file.path} {file.etag}" for file in stored.values())
        seed = f"{self.repo_id} {len(self.commits)}\n{listing}"
        commit = commit or hashlib.sha1(seed.encode()).hexdigest()
        self.commits[commit] = stored
        self.branches[branch] = commit
        return commit

    def resolve(self, revision: str) -> str | None:
        """Commit id of a branch or a commit id; None where there is none."""
        return self.branches.get(revision, revision if revision in self.commits else None)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Files of a folder by their path within it."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
