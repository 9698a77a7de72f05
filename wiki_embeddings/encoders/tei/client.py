"""Queries a server of TEI over HTTP and turns its refusals into errors for people."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import numpy as np

from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.encoders.protocol import Vectors
from wiki_embeddings.encoders.sequences import InputIds
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

NAME = "text-embeddings-inference"

TIMEOUT = httpx2.Timeout(300.0, connect=5.0)
"""A server that is silent for so long will never answer: a request is seconds of work even without
a GPU."""

HEALTH_TIMEOUT_S = 2.0

OVERLOAD_RETRIES = RetryPolicy(attempts=16, first_wait_s=0.05, longest_wait_s=5.0)
"""Waits for most of a minute in all. Our own requests stay within what the server admits, so it is
overloaded only while it works off requests of an encoder that is gone."""

_OK = 200
_OVERLOADED = 429

_ADVICE: Mapping[int, tuple[type[WikiEmbeddingsError], str]] = {
    413: (WikiEmbeddingsError, "Our requests stay far below its limit of 2 MB: report this."),
    422: (BadInputError, "These inputs can never work: chunk again for this model."),
    424: (
        WikiEmbeddingsError,
        "The model could not be computed. If memory ran out, stop other users of the GPU, or "
        "choose one with more memory or a smaller model.",
    ),
}
"""Error and advice for each status with which TEI refuses."""


class ServerGoneError(Exception):
    """The server has died or hangs. Internal: the encoder restarts the server."""


class TeiClient:
    """A client of one server. May be used from several threads at once."""

    def __init__(self, address: str, dimensions: int) -> None:
        """Send nothing yet.

        Args:
            address: The server's base URL.
            dimensions: Expected length of the vectors.
        """
        self._dimensions = dimensions
        self._gone = threading.Event()
        # No proxies from the environment: the server is on this machine.
        self._http = httpx2.Client(base_url=address, timeout=TIMEOUT, trust_env=False)
        weakref.finalize(self, self._http.close)

    @property
    def is_gone(self) -> bool:
        """True once the server has failed to answer a request."""
        return self._gone.is_set()

    def is_healthy(self) -> bool:
        """Return True if the server is up: it listens only after it has loaded the model."""
        try:
            return self._http.get("/health", timeout=HEALTH_TIMEOUT_S).status_code == _OK
        except httpx2.TransportError:
            return False

    def info(self) -> Mapping[str, Any]:
        """Return the server's description of its model and its limits.

        Raises:
            ServerGoneError: It does not answer.
            WikiEmbeddingsError: It answers something else.
        """
        response = self._request("GET", "/info")
        if response.status_code != _OK:
            raise _refusal(response)
        content = _json(response)
        if not isinstance(content, dict):
            raise _unexpected_answer("/info", "no JSON object")
        return content

    def embed(self, sequences: Sequence[InputIds]) -> Vectors:
        """Encode sequences that already have their special tokens.

        TEI turns token ids into text and the text into token ids again, without adding any. Ids
        from its tokenizer come back unchanged (WordPiece cuts at white space first), others may
        not. It reports how many tokens it read, so a difference is noticed.

        Raises:
            ServerGoneError: The server has died or hangs.
            BadInputError: It read other tokens than were sent, or refuses them.
            WikiEmbeddingsError: It stays overloaded, fails, or answers something else.
        """
        return with_retries(lambda: self._embed(sequences), OVERLOAD_RETRIES)

    def abort(self) -> None:
        """Let every request fail with `ServerGoneError` from now on."""
        self._gone.set()

    def close(self) -> None:
        """Close the connections to a dead server."""
        self.abort()
        self._http.close()

    def _embed(self, sequences: Sequence[InputIds]) -> Vectors:
        inputs = [sequence.tolist() for sequence in sequences]
        request = {"inputs": inputs, "truncate": False, "normalize": True}
        response = self._request("POST", "/embed", request)
        if response.status_code == _OVERLOADED:
            raise TransientError(f"{NAME} is overloaded.", "Stop other users of this server.")
        if response.status_code != _OK:
            raise _refusal(response)
        _check_token_count(response, sum(map(len, inputs)))
        return _read_vectors(response, (len(inputs), self._dimensions))

    def _request(self, method: str, path: str, content: object = None) -> httpx2.Response:
        if self.is_gone:
            raise ServerGoneError
        try:
            return self._http.request(method, path, json=content)
        except httpx2.TransportError as error:
            self.abort()
            raise ServerGoneError from error
        except RuntimeError as error:
            if not self._http.is_closed:
                raise
            raise ServerGoneError from error  # another thread has closed it meanwhile


def _check_token_count(response: httpx2.Response, sent: int) -> None:
    read = response.headers.get("x-compute-tokens")
    if read != str(sent):
        raise BadInputError(
            f"{NAME} read {read} tokens where {sent} were sent: its tokenizer would never produce "
            "these token ids. Chunk again with this model, or choose another engine."
        )


def _read_vectors(response: httpx2.Response, shape: tuple[int, int]) -> Vectors:
    try:
        vectors = np.array(_json(response), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise _unexpected_answer("/embed", "no lists of numbers") from error
    if vectors.shape != shape:
        raise _unexpected_answer("/embed", f"vectors of shape {vectors.shape}, not {shape}")
    if not np.isfinite(vectors).all():
        raise WikiEmbeddingsError(
            f"Vectors of {NAME} are not finite: the model's values are too large for half "
            "precision. Choose another engine or model."
        )
    return vectors


def _refusal(response: httpx2.Response) -> WikiEmbeddingsError:
    kind, advice = _ADVICE.get(
        response.status_code, (WikiEmbeddingsError, "Its documentation explains the status.")
    )
    return kind(f"{NAME} refuses with status {response.status_code}: {_reason(response)} {advice}")


def _reason(response: httpx2.Response) -> str:
    """Return TEI's own explanation as a sentence; its web framework refuses in plain text."""
    try:
        content = response.json()
    except ValueError:
        content = response.text
    message = content.get("error", content) if isinstance(content, dict) else content
    return f"{str(message).strip()[:500].rstrip('.') or 'no reason given'}."


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise _unexpected_answer(response.url.path, "no JSON") from error


def _unexpected_answer(path: str, answer: str) -> WikiEmbeddingsError:
    return WikiEmbeddingsError(
        f"{path} of {NAME} answered {answer}: this project does not know its release. Install "
        "1.8 or 1.9."
    )
