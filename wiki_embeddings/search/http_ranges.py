"""Ranges of files over HTTP, from the Hub or from any server that knows ranges.

The address of each file is resolved once: the Hub redirects to a signed one, which is used until it
expires. What an answer says about itself (status, `Content-Range`, length, entity tag) is compared
with what was asked for, because a server or a proxy may ignore any of it (RFC 9110, 14).
"""

from __future__ import annotations

import re
import threading
import weakref
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

import httpx2

from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.byte_ranges import (
    ByteRange,
    MissingFileError,
    Traffic,
    changed_file,
    require_plain_path,
    require_within,
)

QUESTION_POLICY = RetryPolicy(attempts=4, longest_retry_after_s=60.0)
"""A person waits for the answer, so it gives up after seven seconds, or a minute if asked to."""

CONNECTIONS = 16
"""Requests at the same time; as many as the client keeps connections open for."""

_JOINED_GAP_BYTES = 16_384
"""Fetched in vain between two ranges rather than asking twice: a millisecond at 100 Mbit/s, where
another request costs the delay of the line."""

_CONTENT_RANGE = re.compile(r"bytes (?P<range>(?:\d+-\d+|\*)/(?P<size>\d+))", re.ASCII)

_EXPIRED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.GONE})
"""What stores answer to an address whose signature has expired."""

_FRESH_ADDRESSES = 3
"""Addresses that are tried for one range; several searches may renew the same one at once."""


@dataclass(frozen=True)
class Site:
    """Where the files of one dataset are, and how to speak of it.

    Attributes:
        label: The dataset, as in "Cannot read … of {label}".
        address: Gives the address of a file.
        headers: Gives headers that are sent to the site only, not to where it redirects.
        client: Gives the HTTP client, which follows redirects.
        translate: Turns exceptions of the client into errors for people; gets the object of
            "Cannot read …".
        refusal: Gives the error that an unsuccessful response stands for; gets the same.
        sizes: Bytes of each file by its path, where the site lists them and pins their bytes;
            None where only the answers tell.
        advice: What a person can do where the answers are wrong.
        close: Closes the client, if it is this site's own.
    """

    label: str
    address: Callable[[str], str]
    headers: Callable[[], Mapping[str, str]]
    client: Callable[[], httpx2.Client]
    translate: Callable[[str], AbstractContextManager[None]]
    refusal: Callable[[httpx2.Response, str], WikiEmbeddingsError]
    sizes: Mapping[str, int] | None
    advice: str
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class _Version:
    """What tells that a file is still the same one."""

    size: int
    entity_tag: str = ""
    modified: str = ""


@dataclass
class _File:
    """What is known of a file.

    Attributes:
        lock: Held while its address is resolved, so that one thread does it for all.
        address: Where it was found; None if unknown or expired.
        version: As of the first answer.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    address: str | None = None
    version: _Version | None = None


class HttpRanges:
    """Files of a site; implements `ByteRanges`."""

    def __init__(self, site: Site, policy: RetryPolicy = QUESTION_POLICY) -> None:
        self.label = site.label
        self.traffic = Traffic()
        self._site = site
        self._policy = policy
        self._files: dict[str, _File] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ranges")
        self._closing = weakref.finalize(self, site.close)

    def close(self) -> None:
        """Close the connections; without it they close when nothing uses the files any more."""
        self._threads.shutdown(cancel_futures=True)
        self._closing()

    def size(self, path: str) -> int:
        """Return the bytes of a file; see `ByteRanges`."""
        file = self._file(path)
        if file.version is not None:
            return file.version.size
        size, _ = self._fetch(path, file, (0, 1))
        return size

    def read(self, path: str, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read some ranges of a file in parallel; see `ByteRanges`."""
        file = self._file(path)
        if file.version is not None:
            require_within(path, self.label, file.version.size, ranges)
        joined = _joined(ranges)
        answers = list(self._threads.map(partial(self._fetch, path, file), joined))
        for size, _ in answers[:1]:
            require_within(path, self.label, size, ranges)
        starts = [start for start, _ in joined]
        contents = [content for _, content in answers]
        return [_cut(range_, starts, contents) for range_ in ranges]

    def _file(self, path: str) -> _File:
        require_plain_path(path, self.label)
        sizes = self._site.sizes
        if sizes is not None and path not in sizes:
            raise MissingFileError(f"{self.label} has no file {path}.")
        with self._lock:
            file = self._files.setdefault(path, _File())
            if sizes is not None:
                file.version = _Version(sizes[path])
            return file

    def _fetch(self, path: str, file: _File, range_: ByteRange) -> tuple[int, bytes]:
        """Return the size of the file, and as much of the range as there is."""
        return with_retries(lambda: self._fetch_once(path, file, range_), self._policy)

    def _fetch_once(self, path: str, file: _File, range_: ByteRange) -> tuple[int, bytes]:
        start, stop = range_
        target = f"{path} of {self.label}"
        with self._site.translate(target), closing(self._open(path, file, range_)) as response:
            self.traffic.add(len(response.history) + 1, 0)
            if response.status_code == HTTPStatus.NOT_FOUND and self._site.sizes is None:
                raise MissingFileError(f"{self.label} has no file {path}.")
            is_past_end = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            if not response.is_success and not is_past_end:
                raise self._site.refusal(response, target)
            size = self._described_size(response, range_, target)
            self._require_same(path, file, response, size)
            if is_past_end:
                return size, b""
            stop = min(stop, size)
            content = bytearray()
            for data in response.iter_raw():
                self.traffic.add(0, len(data))
                content += data
                if len(content) > stop - start:
                    break
            if len(content) != stop - start:
                raise TransientError(
                    f"Cannot read {target}: {len(content):,} bytes arrive instead of "
                    f"{stop - start:,}.",
                    self._site.advice,
                )
            return size, bytes(content)

    def _open(self, path: str, file: _File, range_: ByteRange) -> httpx2.Response:
        """Begin a request for a range, at the address that the file has now."""
        original = self._site.address(path)
        for _ in range(_FRESH_ADDRESSES):
            with file.lock:
                address = file.address
                if address is None:
                    response = self._send(original, original, range_)
                    if response.is_success:
                        file.address = str(response.url)
                    return response
            response = self._send(address, original, range_)
            if address == original or response.status_code not in _EXPIRED:
                return response
            response.close()
            with file.lock:
                if file.address == address:
                    file.address = None
        return self._send(original, original, range_)

    def _send(self, address: str, original: str, range_: ByteRange) -> httpx2.Response:
        # In a compressed answer, a range would count compressed bytes.
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={range_[0]}-{range_[1] - 1}"}
        if _origin(address) == _origin(original):
            headers = {**self._site.headers(), **headers}
        client = self._site.client()
        timeout = self._policy.timeout()
        request = client.build_request("GET", address, headers=headers, timeout=timeout)
        return client.send(request, stream=True, follow_redirects=True)

    def _described_size(self, response: httpx2.Response, range_: ByteRange, target: str) -> int:
        """Return the size of the whole file, if the answer is one to the range asked for.

        Raises:
            BadInputError: The server does not know ranges.
            WikiEmbeddingsError: It answers with another range.
        """
        encoding = response.headers.get("Content-Encoding", "identity")
        if response.status_code == HTTPStatus.OK:
            length = response.headers.get("Content-Length", "")
            is_whole = range_[0] == 0 and length.isdecimal() and int(length) <= range_[1]
            if is_whole and encoding == "identity":
                return int(length)
            raise BadInputError(
                f"Cannot read {target} by ranges: {response.url.host} sends whole files, so a "
                "search would download all of them. Serve the dataset with a server that answers "
                "to Range (nginx, Apache, Caddy, S3), or copy it into a folder and search that."
            )
        match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if match is None or encoding != "identity":
            raise self._wrong_answer(response, target)
        size = int(match["size"])
        first, stop = range_[0], min(range_[1], size)
        is_past_end = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        expected = f"*/{size}" if is_past_end and first >= size else f"{first}-{stop - 1}/{size}"
        if match["range"] != expected:
            raise self._wrong_answer(response, target)
        return size

    def _wrong_answer(self, response: httpx2.Response, target: str) -> WikiEmbeddingsError:
        return WikiEmbeddingsError(
            f"Cannot read {target}: {response.url.host} answers with other bytes than were asked "
            f"for. {self._site.advice}"
        )

    def _require_same(self, path: str, file: _File, response: httpx2.Response, size: int) -> None:
        """Compare an answer with the first one about the same file.

        Raises:
            ChangedFileError: They are about different files.
        """
        if self._site.sizes is not None:
            # The listed commit pins the bytes; the entity tags of its stores differ.
            version = _Version(size)
        else:
            headers = response.headers
            is_past_end = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            if is_past_end and file.version is not None:
                version = _Version(size, file.version.entity_tag, file.version.modified)
            else:
                version = _Version(size, headers.get("ETag", ""), headers.get("Last-Modified", ""))
        with file.lock:
            file.version = file.version or version
            if file.version != version:
                raise changed_file(path, self.label)


def _joined(ranges: Sequence[ByteRange]) -> list[ByteRange]:
    """Join ranges that touch or nearly do; empty ones are left out."""
    joined: list[ByteRange] = []
    for start, stop in sorted(range_ for range_ in ranges if range_[0] < range_[1]):
        if joined and start - joined[-1][1] <= _JOINED_GAP_BYTES:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _cut(range_: ByteRange, starts: Sequence[int], contents: Sequence[bytes]) -> bytes:
    """Cut a range out of the joined ranges, which begin at `starts`."""
    start, stop = range_
    if start == stop:
        return b""
    number = bisect_right(starts, start) - 1
    return contents[number][start - starts[number] : stop - starts[number]]


def _origin(address: str) -> tuple[str, bytes]:
    url = httpx2.URL(address)
    return url.scheme, url.netloc
