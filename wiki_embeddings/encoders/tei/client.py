"""Asks a server of TEI for vectors over HTTP, and tells what its refusals mean."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import numpy as np

from wiki_embeddings.encoders.protocol import Vectors
from wiki_embeddings.encoders.sequences import Ids
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.errors import TransientError
from wiki_embeddings.hub_files.retries import RetryPolicy, with_retries

NAME = "text-embeddings-inference"

TIMEOUT = httpx2.Timeout(300.0, connect=5.0)
"""A server that has said nothing for so long will never say anything: a request is seconds of
work even without a GPU."""

HEALTH_TIMEOUT_S = 2.0

OVERLOAD_PATIENCE = RetryPolicy(attempts=16, first_wait_s=0.05, longest_wait_s=5.0)
"""Waits for most of a minute in all. Our own requests stay within what the server admits; it is
overloaded only while requests of an encoder that is gone are still being worked off."""

_OK = 200
_OVERLOADED = 429

_ADVICE: Mapping[int, tuple[type[WikiEmbeddingsError], str]] = {
    413: (WikiEmbeddingsError, "Our requests stay far below its limit of 2 MB: report this."),
    422: (BadInputError, "These inputs can never work: chunk again for this model."),
    424: (
        WikiEmbeddingsError,
        "The model could not be computed. If memory ran out, end what else uses the GPU, or take "
        "one with more memory or a smaller model.",
    ),
}
"""What to say and do about each status with which TEI refuses."""


class ServerGoneError(Exception):
    """The server has died or hangs; whoever watches it knows what to do."""


class TeiClient:
    """Asks one server. May be used from several threads at once."""

    def __init__(self, address: str, dimensions: int) -> None:
        """Asks nothing yet.

        Args:
            address: Where the server listens, as the beginning of a URL.
            dimensions: Length of the vectors to expect.
        """
        self._dimensions = dimensions
        self._gone = threading.Event()
        # Proxies that the environment names are none between us and this very machine.
        self._http = httpx2.Client(base_url=address, timeout=TIMEOUT, trust_env=False)
        weakref.finalize(self, self._http.close)

    @property
    def is_gone(self) -> bool:
        """Whether the server has failed to answer a request."""
        return self._gone.is_set()

    def is_healthy(self) -> bool:
        """Whether the server is up: it listens only after it has loaded and tried the model."""
        try:
            return self._http.get("/health", timeout=HEALTH_TIMEOUT_S).status_code == _OK
        except httpx2.TransportError:
            return False

    def info(self) -> Mapping[str, Any]:
        """What the server says of its model and its limits.

        Raises:
            ServerGoneError: It does not answer.
            WikiEmbeddingsError: It answers something else.
        """
        response = self._ask("GET", "/info")
        if response.status_code != _OK:
            raise _refusal(response)
        content = _json(response)
        if not isinstance(content, dict):
            raise _nonsense("/info", "no JSON object")
        return content

    def embed(self, sequences: Sequence[Ids]) -> Vectors:
        """Encodes sequences that are framed by their special tokens already.

        TEI turns token ids into text and that into token ids again, without adding any: ids that
        its tokenizer made come back as they were (WordPiece cuts at white space first), others
        need not. It counts what it read, so that a difference is noticed.

        Raises:
            ServerGoneError: The server has died or hangs.
            BadInputError: It read other tokens than were sent, or refuses them.
            WikiEmbeddingsError: It stays overloaded, fails, or answers something else.
        """
        return with_retries(lambda: self._embed(sequences), OVERLOAD_PATIENCE)

    def give_up(self) -> None:
        """From now on every request fails with `ServerGoneError`."""
        self._gone.set()

    def close(self) -> None:
        """Ends the connections, once the server at their other end is dead."""
        self.give_up()
        self._http.close()

    def _embed(self, sequences: Sequence[Ids]) -> Vectors:
        inputs = [sequence.tolist() for sequence in sequences]
        request = {"inputs": inputs, "truncate": False, "normalize": True}
        response = self._ask("POST", "/embed", request)
        if response.status_code == _OVERLOADED:
            raise TransientError(f"{NAME} is overloaded.", "End what else is asking this server.")
        if response.status_code != _OK:
            raise _refusal(response)
        _check_tokens(response, sum(map(len, inputs)))
        return _vectors(response, (len(inputs), self._dimensions))

    def _ask(self, method: str, path: str, content: object = None) -> httpx2.Response:
        if self.is_gone:
            raise ServerGoneError
        try:
            return self._http.request(method, path, json=content)
        except httpx2.TransportError as error:
            self.give_up()
            raise ServerGoneError from error
        except RuntimeError as error:
            if not self._http.is_closed:
                raise
            raise ServerGoneError from error  # another thread has closed it meanwhile


def _check_tokens(response: httpx2.Response, sent: int) -> None:
    read = response.headers.get("x-compute-tokens")
    if read != str(sent):
        raise BadInputError(
            f"{NAME} read {read} tokens where {sent} were sent: its tokenizer would never make "
            "such token ids of a text. Chunk again with this model, or choose another engine."
        )


def _vectors(response: httpx2.Response, shape: tuple[int, int]) -> Vectors:
    try:
        vectors = np.array(_json(response), dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise _nonsense("/embed", "no lists of numbers") from error
    if vectors.shape != shape:
        raise _nonsense("/embed", f"vectors of shape {vectors.shape}, not {shape}")
    if not np.isfinite(vectors).all():
        raise WikiEmbeddingsError(
            f"{NAME} computed vectors that are no numbers: half precision cannot hold what this "
            "model computes. Choose another engine or model."
        )
    return vectors


def _refusal(response: httpx2.Response) -> WikiEmbeddingsError:
    kind, advice = _ADVICE.get(
        response.status_code, (WikiEmbeddingsError, "See its documentation for what that means.")
    )
    return kind(f"{NAME} refuses with status {response.status_code}: {_reason(response)} {advice}")


def _reason(response: httpx2.Response) -> str:
    """What TEI says itself, as a sentence; its web framework refuses in plain text."""
    try:
        content = response.json()
    except ValueError:
        content = response.text
    said = content.get("error", content) if isinstance(content, dict) else content
    return f"{str(said).strip()[:500].rstrip('.') or 'no reason given'}."


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise _nonsense(response.url.path, "no JSON") from error


def _nonsense(path: str, what: str) -> WikiEmbeddingsError:
    return WikiEmbeddingsError(
        f"{path} of {NAME} answered {what}: its release is not one that this project knows "
        "(1.8 to 1.9). Install one of those."
    )
