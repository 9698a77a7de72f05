"""The local Hub for tests: add repositories, order faults, count requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wiki_embeddings_tests.standins.hub.accounts import BLOCKED_TOKEN, TOKEN
from wiki_embeddings_tests.standins.hub.faults import Fault, Faults, Held
from wiki_embeddings_tests.standins.hub.objects import ObjectStore, sha256_of
from wiki_embeddings_tests.standins.hub.repositories import (
    Repository,
    StoredFile,
    git_file,
    is_kept_outside_of_git,
    large_file,
    read_folder,
)
from wiki_embeddings_tests.standins.hub.xet_store import XetStore

__all__ = ["BLOCKED_TOKEN", "TOKEN", "LocalHub", "PartialUpload", "Served"]

COMMITS_PER_HOUR = 128
COMMIT_WINDOW_S = 3600.0
MULTIPART_ABOVE_BYTES = 5_000_000_000
MULTIPART_PART_BYTES = 20_000_000


@dataclass
class Served:
    """A request and its answer.

    Attributes:
        at: Arrival, in seconds of the monotonic clock.
        headers: Names in lower case.
        body_bytes: Bytes of the answer's body that were written to the connection.
        received_bytes: Bytes of the request's body that were read.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    at: float
    status: int = 0
    body_bytes: int = 0
    received_bytes: int = 0


@dataclass
class PartialUpload:
    """A large object that is uploaded in parts.

    Attributes:
        part_bytes: Size of each part but the last.
        parts: Path of each received part, by its number from 1.
    """

    repository: Repository
    sha256: str
    size: int
    part_bytes: int
    parts: dict[int, Path] = field(default_factory=dict)


@dataclass
class LocalHub:
    """A running Hub.

    Attributes:
        url: Address for `HF_ENDPOINT`.
        store_url: Address of the store for large files.
        xet_url: Address of the store for uploads by Xet.
        page_size: Entries in one page of a tree or of a list of commits.
        discussions_page_size: Discussions in one page.
        objects: Large files of all repositories.
        xet: The store for uploads by Xet, and its settings.
        partial_uploads: Large objects uploaded in parts, by the id of the upload.
        multipart_above: Bytes above which an object is uploaded in parts.
        multipart_bytes: Bytes of one part.
        commits_per_hour: Commits to one repository before a 429.
        commit_window_s: Seconds of that hour.
        most_operations: Operations of one commit above which a 504 is answered; None for no limit.
        commits_before_504: True to make such a commit all the same.
        meddling: Files that somebody changes right after each commit, on the same branch, by path;
            None removes a file.
        private_quota_bytes: Bytes of large objects in all private repositories of a namespace.
        served: All requests to all servers, in order of arrival.
        closing: Set when the Hub shuts down, which ends stalls.
        defects: Exceptions in the servers, which fail the test.
    """

    url: str = ""
    store_url: str = ""
    xet_url: str = ""
    page_size: int = 1000
    discussions_page_size: int = 50
    objects: ObjectStore = field(default_factory=ObjectStore)
    xet: XetStore = field(init=False)
    partial_uploads: dict[str, PartialUpload] = field(default_factory=dict)
    multipart_above: int = MULTIPART_ABOVE_BYTES
    multipart_bytes: int = MULTIPART_PART_BYTES
    commits_per_hour: int = COMMITS_PER_HOUR
    commit_window_s: float = COMMIT_WINDOW_S
    most_operations: int | None = None
    commits_before_504: bool = False
    meddling: dict[str, bytes | None] = field(default_factory=dict)
    private_quota_bytes: int | None = None
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    served: list[Served] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    defects: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.xet = XetStore(self.objects)

    def add(
        self,
        repo_id: str,
        files: Mapping[str, bytes] | Path,
        *,
        repo_type: str = "dataset",
        branch: str = "main",
        commit: str | None = None,
        private: bool = False,
        gated: bool = False,
    ) -> str:
        """Make `files` (by path, or a folder) the content of a branch, and return the commit id."""
        key = (repo_type, repo_id)
        repository = self.repositories.setdefault(key, Repository(repo_id, repo_type))
        repository.private, repository.gated = private, gated
        content = read_folder(files) if isinstance(files, Path) else files
        stored = {path: self._store(repository, path, data) for path, data in content.items()}
        return repository.commit(stored, f"refs/heads/{branch}", commit_id=commit).id

    def repository(self, repo_id: str, repo_type: str = "dataset") -> Repository:
        """The repository of that name."""
        return self.repositories[repo_type, repo_id]

    def files(
        self, repo_id: str, revision: str = "main", *, repo_type: str = "dataset"
    ) -> Mapping[str, StoredFile]:
        """Files of a revision by path."""
        repository = self.repository(repo_id, repo_type)
        commit = repository.resolve(revision)
        assert commit, f"{repo_id} has no {revision}"
        return repository.commits[commit].files

    def alter_stored(
        self,
        repo_id: str,
        revision: str,
        path: str,
        data: bytes | None,
        *,
        repo_type: str = "dataset",
    ) -> str:
        """Change or remove a file without the API, and return the id of the new commit.

        Args:
            repo_id: The repository.
            revision: Branch, or pull request such as `refs/pr/1`, to commit to.
            path: The file.
            data: Its new content; None to remove it.
            repo_type: `model` or `dataset`.
        """
        repository = self.repository(repo_id, repo_type)
        ref = repository.find_ref(revision)
        assert ref, f"{repo_id} has no {revision}"
        files = dict(self.files(repo_id, revision, repo_type=repo_type))
        files.pop(path, None)
        if data is not None:
            files[path] = self._store(repository, path, data)
        return repository.commit(files, ref, title="Behind everyone's back").id

    def fail(
        self,
        match: str,
        status: int,
        *,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        method: str | None = None,
    ) -> None:
        """Answer the next requests whose path contains `match` with `status`."""
        fault = Fault(match, times=times, method=method, status=status, headers=headers or {})
        self.faults.order(fault)

    def lose_answer(self, match: str, method: str | None = None, *, times: int = 1) -> None:
        """Do what the next requests ask, then close the connection without an answer."""
        self.faults.order(Fault(match, times=times, method=method, loses_answer=True))

    def hold(self, match: str, method: str | None = None, *, skip: int = 0) -> Held:
        """Hold requests, before anything is done for them, until they are released.

        Args:
            match: Part of the path.
            method: Method of the requests; None for any.
            skip: Number of requests to let through first.
        """
        held = Held(match, method, skip)
        self.faults.hold(held)
        return held

    def cut(self, match: str, after: int, *, times: int = 1, reset: bool = False) -> None:
        """Close the connection after so many bytes of the next answers' bodies."""
        self.faults.order(Fault(match, times=times, cut_after=after, reset=reset))

    def cut_upload(
        self, match: str, after: int, *, times: int = 1, method: str | None = None
    ) -> None:
        """Close the connection after so many bytes of the next requests' bodies."""
        fault = Fault(match, times=times, method=method, receive_cut_after=after)
        self.faults.order(fault)

    def stall(self, match: str, after: int, *, times: int = 1) -> None:
        """Send nothing more after so many bytes of the next answers' bodies."""
        self.faults.order(Fault(match, times=times, stall_after=after))

    def stall_upload(
        self, match: str, after: int, *, times: int = 1, method: str | None = None
    ) -> None:
        """Read nothing more after so many bytes of the next requests' bodies."""
        fault = Fault(match, times=times, method=method, receive_stall_after=after)
        self.faults.order(fault)

    def alter(self, match: str, *, times: int = 1) -> None:
        """Change the last byte of the next answers' bodies."""
        self.faults.order(Fault(match, times=times, alters=True))

    def ignore_range(self, match: str, *, cut_after: int | None = None, times: int = 1) -> None:
        """Send the whole file in the next answers, whatever range is requested."""
        self.faults.order(Fault(match, times=times, ignores_range=True, cut_after=cut_after))

    def truncate(self, match: str, size: int, *, times: int = 1) -> None:
        """Serve only the first `size` bytes as if they were the whole file."""
        self.faults.order(Fault(match, times=times, truncate_to=size))

    def requests(self, match: str = "", *, method: str | None = None) -> list[Served]:
        """Requests whose path contains `match`."""
        return [
            served
            for served in self.served
            if match in served.path and method in {None, served.method}
        ]

    def body_bytes(self, match: str) -> int:
        """Bytes of answers that were sent for paths that contain `match`."""
        return sum(served.body_bytes for served in self.requests(match) if served.status < 300)

    def received_bytes(self, match: str = "", *, method: str | None = None) -> int:
        """Bytes of bodies of the requests whose path contains `match`."""
        return sum(served.received_bytes for served in self.requests(match, method=method))

    def note(self, method: str, path: str, headers: Mapping[str, str]) -> Served:
        """Record a request."""
        served = Served(method, path, headers, at=time.monotonic())
        self.served.append(served)
        return served

    def _store(self, repository: Repository, path: str, content: bytes | Path) -> StoredFile:
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        if is_kept_outside_of_git(path, size):
            sha256 = sha256_of(content)
            self.objects.put(sha256, content)
            repository.objects.add(sha256)
            return large_file(path, sha256, self.objects)
        return git_file(path, content.read_bytes() if isinstance(content, Path) else content)
