"""The repositories of the local Hub: commits, refs, and files with the ids of git.

Knows nothing of requests and permissions.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from wiki_embeddings_tests.standins.hub.objects import ObjectStore

LARGE_SUFFIXES = frozenset({".parquet", ".safetensors", ".bin", ".arrow", ".gz", ".npy", ".bz2"})
"""What the Hub's default .gitattributes keep outside of git."""

LARGE_BYTES = 10_000_000


@dataclass(frozen=True)
class StoredFile:
    """A file of a commit.

    Attributes:
        size: Bytes.
        content: Its bytes, or the path of a large file.
        sha256: SHA-256 of a large file; empty for a file in git.
    """

    path: str
    size: int
    content: bytes | Path
    sha256: str = ""

    @property
    def is_large(self) -> bool:
        return bool(self.sha256)

    @property
    def data(self) -> bytes:
        with self.open() as content:
            return content.read()

    def open(self) -> BinaryIO:
        if isinstance(self.content, bytes):
            return io.BytesIO(self.content)
        return self.content.open("rb")

    @cached_property
    def pointer(self) -> bytes:
        """The pointer in git to a large file."""
        lines = ("version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}")
        return "\n".join((*lines, f"size {self.size}", "")).encode()

    @cached_property
    def blob_id(self) -> str:
        blob = self.pointer if self.is_large else self.data
        return hashlib.sha1(b"blob %d\0" % len(blob) + blob).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 or self.blob_id


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        id: 40 hexadecimal digits.
        files: All files by path.
        parent: Id of the commit before it, on its branch; empty for the first.
        date: Time of the commit, in ISO 8601.
    """

    id: str
    files: Mapping[str, StoredFile]
    parent: str
    title: str
    message: str
    author: str
    date: str


@dataclass
class Discussion:
    """A discussion or a pull request.

    Attributes:
        status: `draft`, `open`, `closed` or `merged`.
        base: Commit of main at which a pull request began.
        events: In the shape of the API.
        merge_commit: Id of the merge commit on main; empty before.
    """

    num: int
    title: str
    author: str
    is_pull_request: bool
    status: str
    base: str
    created_at: str
    events: list[dict[str, Any]] = field(default_factory=list)
    merge_commit: str = ""

    @property
    def ref(self) -> str:
        return f"refs/pr/{self.num}"


@dataclass
class Repository:
    """One repository.

    Attributes:
        repo_type: `model` or `dataset`.
        private: True if reading it needs a token.
        gated: True if reading its files, but not their list, needs a token.
        creator: User who created it; empty if a test did.
        has_discussions: False if they are disabled.
        commits: Commits by id.
        refs: Commit id by the full name of a branch, tag or pull request.
        objects: SHA-256 of its uploaded objects; a commit may name only those.
        discussions: Number n is at index n - 1.
        committed_at: Times of requests for commits, in seconds of the monotonic clock.
        lock: Guards refs and discussions.
    """

    repo_id: str
    repo_type: str
    private: bool = False
    gated: bool = False
    creator: str = ""
    has_discussions: bool = True
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    discussions: list[Discussion] = field(default_factory=list)
    committed_at: list[float] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def path(self) -> str:
        """Its path on the Hub, such as `datasets/somebody/articles`."""
        return self.repo_id if self.repo_type == "model" else f"{self.repo_type}s/{self.repo_id}"

    def commit(
        self,
        files: Mapping[str, StoredFile],
        ref: str,
        *,
        title: str = "Upload",
        message: str = "",
        author: str = "",
        commit_id: str | None = None,
    ) -> Commit:
        """Commit `files` as the content of a ref."""
        with self.lock:
            content = dict(sorted(files.items()))
            parent = self.refs.get(ref, "")
            listing = "\n".join(f"{file.path} {file.etag}" for file in content.values())
            seed = f"{self.repo_id} {len(self.commits)} {parent}\n{listing}"
            commit_id = commit_id or hashlib.sha1(seed.encode()).hexdigest()
            made = Commit(commit_id, content, parent, title, message, author, now())
            self.commits[commit_id] = made
            self.refs[ref] = commit_id
            return made

    def find_ref(self, revision: str) -> str | None:
        """Full name of a branch, tag or pull request."""
        names = (f"refs/heads/{revision}", f"refs/tags/{revision}", revision)
        return next((name for name in names if name in self.refs), None)

    def resolve(self, revision: str) -> str | None:
        """Commit id of a branch, tag, pull request or commit; None if unknown."""
        ref = self.find_ref(revision)
        if ref is not None:
            return self.refs[ref]
        return revision if revision in self.commits else None

    def find_pull_request(self, ref: str) -> Discussion | None:
        """The pull request of a ref."""
        return next((discussion for discussion in self.discussions if discussion.ref == ref), None)


def now() -> str:
    """The current time in the format of the API."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def git_file(path: str, content: bytes) -> StoredFile:
    """Make a file in git."""
    return StoredFile(path, len(content), content)


def large_file(path: str, sha256: str, objects: ObjectStore) -> StoredFile:
    """Make a large file, outside of git."""
    return StoredFile(path, objects.size(sha256), objects.path(sha256), sha256)


def is_kept_outside_of_git(path: str, size: int) -> bool:
    """True if the Hub stores a file of this name and size outside of git."""
    return PurePosixPath(path).suffix in LARGE_SUFFIXES or size > LARGE_BYTES


def read_folder(folder: Path) -> dict[str, Path]:
    """Read the files of a folder, by relative path."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in paths}
