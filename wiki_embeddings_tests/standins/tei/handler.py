"""The routes: `/health`, `/info`, `/embed`, and TEI's refusals in its own JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from wiki_embeddings_tests.standins.tei.orders import Served, note_request
from wiki_embeddings_tests.standins.tei.state import ServerState

_STATUSES = {
    "Unhealthy": 503,
    "Backend": 424,
    "Overloaded": 429,
    "Tokenizer": 422,
    "Validation": 422,
    "Empty": 400,
}


class _RefusalError(Exception):
    """An answer with one of TEI's errors."""

    def __init__(self, error_type: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status or _STATUSES[error_type]
        self.content = {"error": message, "error_type": error_type}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    state: ServerState
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing, as TEI at this level."""

    def do_GET(self) -> None:
        """Answer `/health` and `/info`."""
        if self.path == "/health":
            healthy = time.monotonic() >= self.state.healthy_at
            unhealthy = {"error": "unhealthy", "error_type": "Unhealthy"}
            self._answer(*((200, None) if healthy else (503, unhealthy)))
        elif self.path == "/info" and self._is_authorized():
            self._answer(200, self.state.info)
        else:
            self._answer(404 if self._is_authorized() else 401, None)

    def do_POST(self) -> None:
        """Answer `/embed`."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_authorized():
            self._answer(401, None)
        elif self.path != "/embed":
            self._answer(404, None)
        elif len(body) > self.state.arguments["payload-limit"]:
            self._plain(413, "Failed to buffer the request body: length limit exceeded")
        else:
            try:
                self._embed(json.loads(body))
            except _RefusalError as refusal:
                self._answer(refusal.status, refusal.content)

    def _is_authorized(self) -> bool:
        key = self.state.arguments["api-key"]
        return key is None or self.headers["Authorization"] == f"Bearer {key}"

    def _embed(self, request: dict[str, Any]) -> None:
        inputs = request.pop("inputs")
        if isinstance(inputs, str) or all(isinstance(token, int) for token in inputs):
            inputs = [inputs]  # one text, or the ids of one; none at all are ids of one, too
        with self.state.lock:
            self.state.requests += 1
            number = self.state.requests
            self.state.answering += 1
            self._note(request, inputs)
        try:
            self._follow_orders(number)
            self._take_permits(len(inputs))
            try:
                self._encode(request, inputs, number)
            finally:
                self._give_permits(len(inputs))
        finally:
            with self.state.answered:
                self.state.answering -= 1
                self.state.answers += 1
                self.state.answered.notify_all()

    def _note(self, options: dict[str, Any], inputs: list[Any]) -> None:
        tokens = sum(len(given) for given in inputs if not isinstance(given, str))
        at_once = self.state.answering
        served = Served(self.state.life, len(inputs), tokens, at_once, options)
        note_request(self.state.notes, served)

    def _follow_orders(self, number: int) -> None:
        """Apply the orders of the test to a request."""
        orders = self.state.orders
        if orders.dies_after is not None and number > orders.dies_after:
            with self.state.answered:
                self.state.answered.wait_for(lambda: self.state.answers == orders.dies_after)
            sys.stderr.write("thread 'main' panicked: CUDA_ERROR_ILLEGAL_ADDRESS\n")
            os._exit(101)
        if orders.hangs_after is not None and number > orders.hangs_after:
            threading.Event().wait()
        with self.state.lock:
            overloaded, self.state.overloads = self.state.overloads > 0, self.state.overloads - 1
        if overloaded:
            raise _RefusalError("Overloaded", "Model is overloaded")
        if number <= len(orders.fails_with):
            status, error_type, message = orders.fails_with[number - 1]
            raise _RefusalError(error_type, message, status)

    def _take_permits(self, inputs: int) -> None:
        with self.state.lock:
            if inputs > self.state.permits:
                raise _RefusalError("Overloaded", "Model is overloaded")
            self.state.permits -= inputs

    def _give_permits(self, inputs: int) -> None:
        with self.state.lock:
            self.state.permits += inputs

    def _encode(self, options: dict[str, Any], inputs: list[Any], number: int) -> None:
        limit = self.state.arguments["max-client-batch-size"]
        if len(inputs) > limit:
            message = f"batch size {len(inputs)} > maximum allowed batch size {limit}"
            raise _RefusalError("Validation", message)
        truncate = options.get("truncate", self.state.arguments["auto-truncate"])
        sequences = [self._read(given, truncate=truncate) for given in inputs]
        vectors = self.state.model.embed(sequences)
        tokens = sum(map(len, sequences))
        content = vectors.tolist() if options.get("normalize", True) else (2 * vectors).tolist()
        orders = self.state.orders
        if number <= len(orders.miscounts):
            tokens += orders.miscounts[number - 1]
        if number <= len(orders.answers):
            content = json.loads(orders.answers[number - 1])
        self._answer(200, content, {"x-compute-tokens": str(tokens)})

    def _read(self, given: str | list[int], *, truncate: bool) -> list[int]:
        if not given:
            raise _RefusalError("Empty", "Input validation error: `inputs` cannot be empty")
        ids = self.state.model.read(given)
        limit = self.state.model.max_input_length
        if len(ids) <= limit:
            return ids
        if truncate:
            return [*ids[: limit - 1], ids[-1]]
        message = f"`inputs` must have less than {limit} tokens. Given: {len(ids)}"
        raise _RefusalError("Validation", f"Input validation error: {message}")

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self._send(status, body, {"Content-Type": "application/json", **(headers or {})})

    def _plain(self, status: int, text: str) -> None:
        self._send(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
