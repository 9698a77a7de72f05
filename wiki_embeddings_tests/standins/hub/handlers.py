"""The local Hub's handlers: requests, answers, files in ranges, and ordered faults."""

from __future__ import annotations

import io
import json
import re
import socket
import struct
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import IO, Any, BinaryIO, ClassVar
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from wiki_embeddings_tests.standins.hub.access import find_repository
from wiki_embeddings_tests.standins.hub.answers import (
    REPO_TYPES,
    Answer,
    RefusalError,
    Request,
    parse_revision,
)
from wiki_embeddings_tests.standins.hub.api import api_answer
from wiki_embeddings_tests.standins.hub.faults import Fault
from wiki_embeddings_tests.standins.hub.lfs import SIGNATURE, lfs_answer
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub, Served
from wiki_embeddings_tests.standins.hub.refs import find_commit
from wiki_embeddings_tests.standins.hub.repositories import StoredFile

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
LONGEST_STALL_S = 60.0
PIECE_BYTES = 1 << 16
BODY_IN_MEMORY_BYTES = 1 << 22
NO_FAULT = Fault("")


class ConnectionDroppedError(Exception):
    """The connection must be closed without an answer, or the client has closed it."""


class LocalHubHandler(BaseHTTPRequestHandler, ABC):
    """Records requests, reads bodies, sends files, applies ordered faults."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hub: ClassVar[LocalHub]
    served: Served

    @abstractmethod
    def answer(self, url: SplitResult, body: IO[bytes]) -> None:
        """Answer a request; its body is read from the beginning."""

    def serve(self) -> None:
        self.served = self.hub.note(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}
        )
        with tempfile.SpooledTemporaryFile(BODY_IN_MEMORY_BYTES) as body:
            try:
                self._receive(body)
                body.seek(0)
                self._answer_or_fail(body)
            except ConnectionDroppedError:
                self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing."""

    def refuse(self, refusal: RefusalError) -> None:
        """Send a refusal, whose headers clients parse."""
        headers = {"X-Error-Message": " ".join(refusal.message.split()), **refusal.headers}
        if refusal.code:
            headers["X-Error-Code"] = refusal.code
        self.send_json(refusal.status, refusal.content, headers)

    def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a complete answer."""
        self.start(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        self.served.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_json(self, status: int, content: Any, headers: Mapping[str, str]) -> None:
        headers = {"Content-Type": "application/json", **headers}
        self.send(status, headers, json.dumps(content).encode())

    def send_file(self, file: StoredFile, headers: Mapping[str, str]) -> None:
        """Send a file, or the requested range of it, with the ordered fault."""
        fault = NO_FAULT
        if self.command == "GET":
            fault = self.hub.faults.take("body", self.command, self.path) or NO_FAULT
        size = file.size if fault.truncate_to is None else min(file.size, fault.truncate_to)
        asked = None if fault.ignores_range else self.headers.get("Range")
        begin, end = byte_range(asked, size)
        if asked and begin >= size:
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            self.send(status, {"Content-Range": f"bytes */{size}"}, b"")
            return
        headers = {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes", **headers}
        headers["Content-Length"] = str(end - begin)
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
        self.start(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK, headers)
        if self.command == "GET":
            with file.open() as content:
                content.seek(begin)
                self.send_faulty(content, end - begin, fault)

    def send_faulty(self, content: BinaryIO, length: int, fault: Fault) -> None:
        """Send a body with the ordered fault."""
        limits = [limit for limit in (fault.cut_after, fault.stall_after) if limit is not None]
        left = min([length, *limits])
        alters_at = left if fault.alters else -1
        while left:
            piece = content.read(min(PIECE_BYTES, left))
            left -= len(piece)
            if not left and alters_at > 0:
                piece = piece[:-1] + bytes([piece[-1] ^ 1])
            self.served.body_bytes += len(piece)  # first: the client may look when it has all
            self.wfile.write(piece)
        if fault.stall_after is not None:
            self.hub.closing.wait(LONGEST_STALL_S)
        if limits:
            self.close_connection = True
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.connection.close()

    def _answer_or_fail(self, body: IO[bytes]) -> None:
        faults = self.hub.faults
        if not faults.may_go_on(self.command, self.path):
            raise ConnectionDroppedError
        fault = faults.take("status", self.command, self.path)
        if fault is not None and fault.status is not None:
            self.send(fault.status, fault.headers, b"failed to order")
            return
        is_lost = faults.take("answer", self.command, self.path) is not None
        connection = self.wfile
        if is_lost:
            self.wfile = io.BytesIO()
        try:
            self.answer(urlsplit(self.path), body)
        except RefusalError as refusal:
            self.refuse(refusal)
        finally:
            self.wfile = connection
        if is_lost:
            raise ConnectionDroppedError

    def _receive(self, body: IO[bytes]) -> None:
        """Read the body of the request, as far as the ordered fault allows."""
        fault = self.hub.faults.take("request", self.command, self.path) or NO_FAULT
        limits = (fault.receive_cut_after, fault.receive_stall_after)
        limit = next((limit for limit in limits if limit is not None), None)
        for piece in self._pieces(limit):
            self.served.received_bytes += len(piece)
            body.write(piece)
        if fault.receive_stall_after is not None:
            self.hub.closing.wait(LONGEST_STALL_S)
        if limit is not None:
            raise ConnectionDroppedError

    def _pieces(self, limit: int | None) -> Iterator[bytes]:
        """The body of the request in pieces, up to a limit of bytes."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            yield from self._read(int(self.headers.get("Content-Length", 0)), limit)
            return
        while length := int(self.rfile.readline().split(b";")[0], 16):
            yield from self._read(length, limit)
            self.rfile.readline()
            if limit is not None:
                limit = max(0, limit - length)
        self.rfile.readline()

    def _read(self, length: int, limit: int | None) -> Iterator[bytes]:
        left = length if limit is None else min(length, limit)
        while left:
            piece = self.rfile.read1(min(PIECE_BYTES, left))
            if not piece:
                raise ConnectionDroppedError
            left -= len(piece)
            yield piece


class HubHandler(LocalHubHandler):
    """The Hub itself: API and files; large files are redirected to the store."""

    def answer(self, url: SplitResult, body: IO[bytes]) -> None:
        steps = tuple(unquote(step) for step in url.path.strip("/").split("/"))
        request = Request(
            self.hub, self.command, steps[1:], parse_qs(url.query), self.served.headers, body.read()
        )
        if steps[:2] == ("api", "resolve-cache"):
            self._answer_cached(steps[2:])
        elif steps[0] == "api":
            self._send_answer(api_answer(request))
        elif ".git/info/lfs/objects/" in url.path:
            plural, namespace, name, *_, action = ("models", *steps)[-7:]
            repo_id = f"{namespace}/{name.removesuffix('.git')}"
            headers = self.served.headers
            repository = find_repository(self.hub, plural, repo_id, headers, of_files=False)
            self._send_answer(lfs_answer(request, repository, action))
        else:
            self._answer_file(list(steps))

    def _send_answer(self, answer: Answer) -> None:
        self.send_json(HTTPStatus.OK, answer.content, answer.headers)

    def _answer_file(self, steps: list[str]) -> None:
        """Answer `/[datasets/]{namespace}/{name}/resolve/{revision}/{path}`."""
        plural = steps.pop(0) if steps[0] in REPO_TYPES else "models"
        namespace, name, _, *rest = steps
        repo_id = f"{namespace}/{name}"
        repository = find_repository(self.hub, plural, repo_id, self.served.headers, of_files=True)
        revision, path = parse_revision(tuple(rest))
        commit = find_commit(repository, revision)
        file = commit.files.get("/".join(path))
        if file is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found")
        linked = {
            "X-Repo-Commit": commit.id,
            "X-Linked-Etag": f'"{file.etag}"',
            "X-Linked-Size": str(file.size),
        }
        place = f"{plural}/{repo_id}/{commit.id}/{quote(file.path)}"
        if file.is_large:
            location = f"{self.hub.store_url}/store/{place}?{SIGNATURE}"
            self.send(HTTPStatus.FOUND, {**linked, "Location": location}, b"")
        else:
            location = f"/api/resolve-cache/{place}"
            self.send(HTTPStatus.TEMPORARY_REDIRECT, {**linked, "Location": location}, b"")

    def _answer_cached(self, steps: tuple[str, ...]) -> None:
        """Answer the path to which the Hub redirects for small files."""
        plural, namespace, name, commit, *rest = steps
        repo_id = f"{namespace}/{name}"
        repository = find_repository(self.hub, plural, repo_id, self.served.headers, of_files=True)
        file = repository.commits[commit].files["/".join(rest)]
        self.send_file(file, {"X-Repo-Commit": commit})


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte of a `Range` header, and the one after its last."""
    if header is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    assert match, f"a range that the local Hub does not know: {header}"
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
