"""The local Hub as a test sees it: repositories to add, faults to order, requests to count."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wiki_embeddings_tests.hub_local.accounts import BLOCKED_TOKEN, TOKEN
from wiki_embeddings_tests.hub_local.faults import Fault, Faults
from wiki_embeddings_tests.hub_local.repositories import Repository, read_folder

__all__ = ["BLOCKED_TOKEN", "TOKEN", "LocalHub", "Served"]


@dataclass
class Served:
    """One request and what became of it.

    Attributes:
        at: When it came, in seconds of the monotonic clock.
        headers: Names in lower case.
        body_bytes: Bytes of the body that were handed to the connection.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    at: float
    status: int = 0
    body_bytes: int = 0


@dataclass
class LocalHub:
    """A Hub that is running.

    Attributes:
        url: Address for `HF_ENDPOINT`.
        store_url: Address of the second server, that large files are redirected to.
        page_size: Entries in one page of a tree.
        served: All requests to both servers so far, in the order in which they came.
        closing: Set when the Hub is shut down, which ends stalls.
        defects: What went wrong in the servers themselves, which fails the test.
    """

    url: str = ""
    store_url: str = ""
    page_size: int = 1000
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    served: list[Served] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    defects: list[BaseException] = field(default_factory=list)

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
        """Makes `files` (by path, or a folder) the content of a branch; returns the commit id."""
        content = read_folder(files) if isinstance(files, Path) else files
        key = (repo_type, repo_id)
        repository = self.repositories.setdefault(key, Repository(repo_id, repo_type))
        repository.private, repository.gated = private, gated
        return repository.commit(content, branch, commit)

    def fail(
        self, match: str, status: int, *, times: int = 1, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answers the next requests whose path contains `match` with `status`."""
        self.faults.order(Fault(match, times=times, status=status, headers=headers or {}))

    def cut(self, match: str, after: int, *, times: int = 1, reset: bool = False) -> None:
        """Closes the connection after so many bytes of the next bodies."""
        self.faults.order(Fault(match, times=times, cut_after=after, reset=reset))

    def stall(self, match: str, after: int, *, times: int = 1) -> None:
        """Sends nothing more after so many bytes of the next bodies."""
        self.faults.order(Fault(match, times=times, stall_after=after))

    def alter(self, match: str, *, times: int = 1) -> None:
        """Sends another last byte in the next bodies."""
        self.faults.order(Fault(match, times=times, alters=True))

    def ignore_range(self, match: str, *, cut_after: int | None = None, times: int = 1) -> None:
        """Sends all of the file in the next bodies, whatever range is asked for."""
        self.faults.order(Fault(match, times=times, ignores_range=True, cut_after=cut_after))

    def truncate(self, match: str, size: int, *, times: int = 1) -> None:
        """Serves only the first `size` bytes as if they were all of the file."""
        self.faults.order(Fault(match, times=times, truncate_to=size))

    def requests(self, match: str = "", *, method: str | None = None) -> list[Served]:
        """Requests whose path contains `match`."""
        return [
            served
            for served in self.served
            if match in served.path and method in {None, served.method}
        ]

    def body_bytes(self, match: str) -> int:
        """Bytes of files that were sent for paths that contain `match`."""
        return sum(served.body_bytes for served in self.requests(match) if served.status < 300)

    def note(self, method: str, path: str, headers: Mapping[str, str]) -> Served:
        """Remembers that a request came."""
        served = Served(method, path, headers, at=time.monotonic())
        self.served.append(served)
        return served
