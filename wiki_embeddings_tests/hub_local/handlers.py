"""How the local Hub answers: its API, its files, and the store that large files lie in."""

from __future__ import annotations

import json
import re
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from wiki_embeddings_tests.hub_local.api import (
    REPO_TYPES,
    RefusalError,
    api_answer,
    find_repository,
)
from wiki_embeddings_tests.hub_local.faults import Fault
from wiki_embeddings_tests.hub_local.local_hub import LocalHub, Served
from wiki_embeddings_tests.hub_local.repositories import StoredFile

SIGNATURE = "X-Amz-Signature=signature_of_the_store"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
LONGEST_STALL_S = 60.0
PIECE_BYTES = 1 << 16
NO_FAULT = Fault("")


class LocalHubHandler(BaseHTTPRequestHandler, ABC):
    """What both servers do: remember requests, send files in ranges, and fail to order."""

    protocol_version = "HTTP/1.1"
    hub: ClassVar[LocalHub]
    served: Served

    @abstractmethod
    def answer(self, url: SplitResult, body: bytes) -> None:
        """Answers one request."""

    def serve(self) -> None:
        self.served = self.hub.note(
            self.command, self.path, {name.lower(): value for name, value in self.headers.items()}
        )
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.hub.faults.take_status(self.path)
        if fault is not None and fault.status is not None:
            self.send(fault.status, fault.headers, b"failed to order")
            return
        try:
            self.answer(urlsplit(self.path), body)
        except RefusalError as refusal:
            headers = {"X-Error-Message": refusal.message}
            if refusal.code:
                headers["X-Error-Code"] = refusal.code
            self.send_json(refusal.status, {"error": refusal.message}, headers)

    do_GET = do_HEAD = do_POST = serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stays quiet."""

    def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Sends a whole answer."""
        self.start(status, {**headers, "Content-Length": str(len(body))})
        if self.command != "HEAD":
            self.wfile.write(body)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends all that stands before a body."""
        self.served.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send_json(self, status: int, content: Any, headers: Mapping[str, str]) -> None:
        headers = {"Content-Type": "application/json", **headers}
        self.send(status, headers, json.dumps(content).encode())

    def send_file(self, file: StoredFile, headers: Mapping[str, str]) -> None:
        """Sends a file, or the range of it that is asked for, with the fault that is ordered."""
        fault = NO_FAULT
        if self.command == "GET":
            fault = self.hub.faults.take_body(self.path) or NO_FAULT
        data = file.data[: fault.truncate_to]
        asked = None if fault.ignores_range else self.headers.get("Range")
        begin, end = byte_range(asked, len(data))
        if asked and begin >= len(data):
            status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
            self.send(status, {"Content-Range": f"bytes */{len(data)}"}, b"")
            return
        headers = {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes", **headers}
        headers["Content-Length"] = str(end - begin)
        if asked:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data)}"
        self.start(HTTPStatus.PARTIAL_CONTENT if asked else HTTPStatus.OK, headers)
        if self.command == "GET":
            self.send_faulty(data[begin:end], fault)

    def send_faulty(self, data: bytes, fault: Fault) -> None:
        """Sends a body, but as the fault wants it."""
        if fault.alters:
            data = data[:-1] + bytes([data[-1] ^ 1])
        limits = [limit for limit in (fault.cut_after, fault.stall_after) if limit is not None]
        sent = data[: min(limits, default=len(data))]
        for begin in range(0, len(sent), PIECE_BYTES):
            piece = sent[begin : begin + PIECE_BYTES]
            self.served.body_bytes += len(piece)  # first: the client may look when it has all
            self.wfile.write(piece)
        if fault.stall_after is not None:
            self.hub.closing.wait(LONGEST_STALL_S)
        if limits:
            self.close_connection = True
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.connection.close()


class HubHandler(LocalHubHandler):
    """The Hub itself: API and files; large files are redirected to the store."""

    def answer(self, url: SplitResult, body: bytes) -> None:
        steps = [unquote(step) for step in url.path.strip("/").split("/")]
        if steps[:2] == ["api", "resolve-cache"]:
            self._answer_cached(steps[2:])
        elif steps[0] == "api":
            answer = api_answer(self.hub, steps[1:], parse_qs(url.query), self.served.headers, body)
            self.send_json(HTTPStatus.OK, answer.content, answer.headers)
        else:
            self._answer_file(steps)

    def _answer_file(self, steps: list[str]) -> None:
        """Answers `/[datasets/]{namespace}/{name}/resolve/{revision}/{path}`."""
        plural = steps.pop(0) if steps[0] in REPO_TYPES else "models"
        namespace, name, _, revision, *rest = steps
        repo_id = f"{namespace}/{name}"
        repository = find_repository(self.hub, plural, repo_id, self.served.headers, of_files=True)
        commit = repository.resolve(revision)
        if commit is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "RevisionNotFound", f"Invalid rev {revision}")
        file = repository.commits[commit].get("/".join(rest))
        if file is None:
            raise RefusalError(HTTPStatus.NOT_FOUND, "EntryNotFound", "Entry not found")
        linked = {
            "X-Repo-Commit": commit,
            "X-Linked-Etag": f'"{file.etag}"',
            "X-Linked-Size": str(file.size),
        }
        place = f"{plural}/{repo_id}/{commit}/{quote(file.path)}"
        if file.is_large:
            location = f"{self.hub.store_url}/store/{place}?{SIGNATURE}"
            self.send(HTTPStatus.FOUND, {**linked, "Location": location}, b"")
        else:
            location = f"/api/resolve-cache/{place}"
            self.send(HTTPStatus.TEMPORARY_REDIRECT, {**linked, "Location": location}, b"")

    def _answer_cached(self, steps: list[str]) -> None:
        """Answers what the Hub redirects to for small files: itself, at another path."""
        plural, namespace, name, commit, *rest = steps
        repo_id = f"{namespace}/{name}"
        repository = find_repository(self.hub, plural, repo_id, self.served.headers, of_files=True)
        file = repository.commits[commit]["/".join(rest)]
        self.send_file(file, {"X-Repo-Commit": commit})


class StoreHandler(LocalHubHandler):
    """The store for large files: open to whoever has a signed address, and only so."""

    def answer(self, url: SplitResult, body: bytes) -> None:  # noqa: ARG002
        if "authorization" in self.served.headers or url.query != SIGNATURE:
            message = "Only one way of authentication is allowed, and the signature is it."
            raise RefusalError(HTTPStatus.BAD_REQUEST, None, message)
        _, plural, namespace, name, commit, *rest = unquote(url.path).strip("/").split("/")
        repository = self.hub.repositories[REPO_TYPES[plural], f"{namespace}/{name}"]
        self.send_file(repository.commits[commit]["/".join(rest)], {})


def byte_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last that a `Range` header asks for."""
    if header is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    assert match, f"a range that the local Hub does not know: {header}"
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size
