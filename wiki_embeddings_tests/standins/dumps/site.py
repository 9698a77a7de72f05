"""The site in a thread of this process: folders, files and ranges of files over HTTP/1.1."""

from __future__ import annotations

import html
import re
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from wiki_embeddings_tests.standins.dumps.faults import Fault, Faults

_PIECE = 64 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Request:
    """A request that arrived.

    Attributes:
        method: Its method.
        path: Its path.
        headers: Its headers; names in lower case.
        status: Status of the answer.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    status: int


class DumpsSite:
    """A folder that is served, what to do wrong, and what happened.

    Attributes:
        root: The folder that is served; files may come, change and go at any time.
        url: Address of the site, without a trailing slash.
        connection_limit: Most connections at once per address.
        limit_status: Status for a connection above it.
        requests: The requests so far.
        most_connections: The most connections that were open at once, refused ones included.
        refused: Connections refused so far, because there were too many.
        body_bytes: Bytes of bodies sent so far, by path.
    """

    def __init__(self, root: Path, connection_limit: int = 3, limit_status: int = 503) -> None:
        self.root = root
        self.url = ""
        self.connection_limit = connection_limit
        self.limit_status = limit_status
        self.requests: list[Request] = []
        self.most_connections = 0
        self.refused = 0
        self.body_bytes: dict[str, int] = {}
        self.closing = threading.Event()
        self.defects: list[BaseException] = []
        self._faults = Faults()
        self._lock = threading.Lock()
        self._open = 0

    def order(self, match: str, **effects: Any) -> None:
        """Order a fault of the next requests whose path contains `match`; see `Fault`."""
        self._faults.order(Fault(match, **effects))

    def requested(self, part: str, method: str = "GET") -> list[Request]:
        """Return the requests so far of a method whose path contains `part`."""
        return [each for each in self.requests if part in each.path and each.method == method]

    def take_fault(self, method: str, path: str) -> Fault:
        """Take the fault of a request."""
        return self._faults.take(method, path)

    @contextmanager
    def connection(self) -> Generator[bool]:
        """Count a connection while it is open; True if it is one too many."""
        with self._lock:
            self._open += 1
            self.most_connections = max(self.most_connections, self._open)
            is_refused = self._open > self.connection_limit
            self.refused += is_refused
        try:
            yield is_refused
        finally:
            with self._lock:
                self._open -= 1

    def record(self, request: Request) -> None:
        """Record a request."""
        with self._lock:
            self.requests.append(request)

    def count_body(self, path: str, size: int) -> None:
        """Count bytes of a body."""
        with self._lock:
            self.body_bytes[path] = self.body_bytes.get(path, 0) + size


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: DumpsSite

    def handle(self) -> None:
        with self.site.connection() as is_refused:
            self._is_refused = is_refused
            super().handle()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Keep the terminal quiet."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if self._is_refused:
            self.close_connection = True
            self._send_status(self.site.limit_status, {"Retry-After": "1", "Connection": "close"})
            return
        fault = self.site.take_fault(self.command, path)
        if fault.status is not None:
            self._send_status(fault.status, fault.headers)
            return
        target = (self.site.root / path.lstrip("/")).resolve()
        if not target.is_relative_to(self.site.root.resolve()) or not target.exists():
            self._send_status(404, {})
        elif target.is_dir() and not path.endswith("/"):
            self._send_status(301, {"Location": f"{quote(path)}/"})
        elif target.is_dir():
            self._send(_listing(path, target), fault, "text/html")
        else:
            self._send(target.read_bytes(), fault, "application/octet-stream")

    def _send_status(self, status: int, headers: Mapping[str, str]) -> None:
        body = f"{status}\n".encode()
        self._record(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _send(self, content: bytes, fault: Fault, kind: str) -> None:
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        first, last = 0, len(content) - 1
        if asked and not fault.ignores_range:
            first = int(asked[1])
            last = min(int(asked[2] or last), last)
            if first > last:
                self._send_status(416, {"Content-Range": f"bytes */{len(content)}"})
                return
        if fault.alters and content:
            content = content[:-1] + bytes([content[-1] ^ 1])
        is_part = asked is not None and not fault.ignores_range
        status = 206 if is_part else 200
        self._record(status)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        if is_part:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        if fault.without_length:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command == "GET":
            self._send_body(content[first : last + 1], fault)

    def _send_body(self, body: bytes, fault: Fault) -> None:
        end = min(x for x in (fault.cut_after, fault.stall_after, len(body)) if x is not None)
        piece = 1 if fault.byte_every_s else _PIECE
        for begin in range(0, end, piece):
            if fault.byte_every_s and self.site.closing.wait(fault.byte_every_s):
                break
            data = body[begin : min(begin + piece, end)]
            self.wfile.write(data)
            self.site.count_body(self.path, len(data))
        if fault.stall_after is not None:
            self.site.closing.wait()
        if end < len(body):
            self.close_connection = True

    def _record(self, status: int) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.site.record(Request(self.command, self.path, headers, status))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, site: DumpsSite) -> None:
        super().__init__(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
        self.site = site

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep defects for the test; a broken connection is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.site.defects.append(error)


def _listing(path: str, folder: Path) -> bytes:
    """A listing as nginx writes it, which Wikimedia's site uses."""
    lines = []
    for entry in sorted(folder.iterdir()):
        name = entry.name + "/" * entry.is_dir()
        size = "-" if entry.is_dir() else str(entry.stat().st_size)
        link = f'<a href="{quote(name)}">{html.escape(name)}</a>'
        lines.append(f"{link}{' ' * max(1, 51 - len(name))}01-Nov-2026 00:00{size:>20}\r\n")
    title = html.escape(f"Index of {path}")
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr><pre>"
        f'<a href="../">../</a>\r\n{"".join(lines)}</pre><hr></body>\r\n</html>\r\n'
    ).encode()


@contextmanager
def dumps_site(root: Path, *, connection_limit: int = 3) -> Generator[DumpsSite]:
    """Serve a folder while the block runs.

    Raises:
        ExceptionGroup: The server had defects.
    """
    site = DumpsSite(root, connection_limit)
    server = _Server(site)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        thread.join()
        with suppress(OSError):
            server.server_close()
    if site.defects:
        raise BaseExceptionGroup("defects of the site", site.defects)
