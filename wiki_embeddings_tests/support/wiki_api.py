"""A wiki that answers one question: how many articles it counts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class WikiApi(ThreadingHTTPServer):
    """The API of a wiki, as an address on this machine.

    Attributes:
        articles: The count that it answers with.
        status: Status of its answers.
        body: What it answers instead of a count; None for the count.
        asked: The `User-Agent` of each question.
    """

    articles = 0
    status = 200
    body: bytes | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []

    @property
    def article_url(self) -> str:
        """Address of an article."""
        return f"http://127.0.0.1:{self.server_port}/wiki/Alan%20Turing"

    def answer(self) -> bytes:
        """What it answers with, in the form of https://www.mediawiki.org/wiki/API:Siteinfo."""
        statistics = {"pages": 5 * self.articles, "articles": self.articles, "edits": 12}
        counted = {"batchcomplete": "", "query": {"statistics": statistics}}
        return json.dumps(counted).encode() if self.body is None else self.body


class _Handler(BaseHTTPRequestHandler):
    server: WikiApi

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        assert address.path == "/w/api.php"
        assert parse_qs(address.query)["siprop"] == ["statistics"]
        self.server.asked.append(self.headers["User-Agent"])
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def wiki_api(articles: int) -> Iterator[WikiApi]:
    """Serve the API of a wiki that counts so many articles."""
    with WikiApi() as server:
        server.articles = articles
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
