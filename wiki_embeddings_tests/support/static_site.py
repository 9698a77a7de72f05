"""A static web server with ranges, as people serve a folder, and with its faults."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class StaticSite:
    """Files on a server of this machine.

    Attributes:
        files: Content by path.
        url: Address of the folder that holds them.
        asked: Path and range of each request.
        honours_ranges: False to send whole files.
        shifts_ranges_by: Bytes by which each answered range begins too late.
        cuts_after: Bytes after which the next bodies end; None for whole ones.
        signs: True to redirect to addresses that expire.
        signature: Of the redirects; an address with another one is refused.
        statuses: Statuses that the next requests are answered with.
    """

    files: dict[str, bytes]
    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    honours_ranges: bool = True
    shifts_ranges_by: int = 0
    cuts_after: int | None = None
    signs: bool = False
    signature: int = 0
    statuses: list[int] = field(default_factory=list)


@contextmanager
def static_site(files: dict[str, bytes]) -> Iterator[StaticSite]:
    """Serve some files while the block runs; they may be changed meanwhile."""
    site = StaticSite(files)

    class Handler(_Handler):
        pass

    Handler.site = site
    server = _Server(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/somebody/dataset"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that want no more."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    site: StaticSite

    def do_GET(self) -> None:
        site = self.site
        url = urlsplit(self.path)
        path = unquote(url.path).removeprefix("/somebody/dataset/")
        site.asked.append((self.path, self.headers.get("Range", "")))
        if site.statuses:
            self._send(site.statuses.pop(0))
        elif site.signs and not url.query:
            self._send(302, {"Location": f"{url.path}?signature={site.signature}"})
        elif site.signs and url.query != f"signature={site.signature}":
            self._send(403)
        elif path not in site.files:
            self._send(404)
        else:
            self._send_file(site.files[path])

    def _send_file(self, content: bytes) -> None:
        headers = {"ETag": f'"{hash(content)}"'}
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match is None or not self.site.honours_ranges:
            self._send(200, headers, content)
            return
        first, last = int(match[1]) + self.site.shifts_ranges_by, int(match[2])
        if first >= len(content):
            self._send(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        part = content[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        self._send(206, {**headers, "Content-Range": span}, part)

    def _send(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: self.site.cuts_after])
        self.close_connection = self.site.cuts_after is not None

    def log_message(self, *_: Any) -> None:
        """Write nothing."""
