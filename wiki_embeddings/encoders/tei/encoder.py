"""The encoder of the `tei` engine: requests by token budget, to a server that may die once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Self

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.batching import batch_end, longest_first
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import InputIds, SequenceBuilder
from wiki_embeddings.encoders.tei import server
from wiki_embeddings.encoders.tei.client import NAME, ServerGoneError
from wiki_embeddings.encoders.tei.session import Session, start_session
from wiki_embeddings.errors import WikiEmbeddingsError

log = logging.getLogger(__name__)

REQUEST_TOKENS = 8192
"""Tokens in a request: at most lengths an answer of half a megabyte, a few dozen per second."""

REQUEST_INPUTS = 512
"""Most sequences in a request, for sequences so short that the tokens would allow more."""

IN_FLIGHT = 8
"""Requests sent at once: while one batch is computed, the next waits and others are parsed."""

MAX_BATCH_TOKENS = 32_768
"""Tokens that the server computes at once: half of what is in flight, so that another batch is
waiting. An estimate, not measured: from this size on, kernel launches should not matter."""

START_TIMEOUT_S = 300.0
"""Seconds for a start: the weights may be large, and the volume cold."""

MAX_RESTARTS = 1
"""Servers that may die during one call of `encode` without an error. A second death hints at the
input or the machine."""

Rows = npt.NDArray[np.int64]
"""Indices of the sequences of one request."""


def runtime() -> str:
    """Return the engine's name and release.

    Raises:
        BadInputError: TEI is not installed here, or does not run.
    """
    return f"{NAME} {server.version()}"


class TeiEncoder:
    """An `Encoder` on a TEI server; see `protocol.Encoder` for the methods.

    Owns the server: `close` it, or use it as a context manager. A server that dies is restarted,
    and only unanswered requests are sent again.
    """

    def __init__(
        self, model: ResolvedModel, info: EncoderInfo, *, start_timeout_s: float = START_TIMEOUT_S
    ) -> None:
        """Start the server and wait until it is up.

        Args:
            model: The model.
            info: Description of this encoder; its runtime must be what `runtime` returns here.
            start_timeout_s: Seconds that a start may take.

        Raises:
            BadInputError: TEI is not installed.
            WikiEmbeddingsError: The server does not start, or does not match `info`.
        """
        self._info = info
        self._start_timeout_s = start_timeout_s
        self._sequences = SequenceBuilder(model)
        self._settings = server.ServerSettings(
            model=model,
            precision=info.precision,
            max_batch_tokens=MAX_BATCH_TOKENS,
            max_client_batch_size=REQUEST_INPUTS,
            max_concurrent_requests=IN_FLIGHT * REQUEST_INPUTS,
        )
        self._lock = threading.Lock()
        self._closed = False
        self._session = self._start_session()
        self._executor = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="tei")

    @property
    def info(self) -> EncoderInfo:
        """Everything that decides this encoder's vectors."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encode passages that are already tokenised, by this model's own tokenizer."""
        return self._encode(self._sequences.from_passages(tokens), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenise texts and encode them."""
        return self._encode(self._sequences.from_texts(texts, query=query), None)

    def close(self) -> None:
        """Kill the server; encoding in other threads fails."""
        with self._lock:
            self._closed = True
            self._session.close()
        self._executor.shutdown()  # at once: the remaining requests find no server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _encode(self, sequences: list[InputIds], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), dtype=np.float32)
        requests = _group_requests(sequences)
        deaths = 0
        while requests:
            session = self._live_session()
            requests = self._send(session, requests, sequences, vectors, progress)
            if requests:
                deaths += 1
                self._discard(session, deaths)
        return vectors

    def _send(
        self,
        session: Session,
        requests: list[Rows],
        sequences: list[InputIds],
        vectors: Vectors,
        progress: Progress | None,
    ) -> list[Rows]:
        """Fill in the vectors of requests, and return the requests that a dead server left."""
        answers = {
            self._executor.submit(session.client.embed, [sequences[row] for row in rows]): rows
            for rows in requests
        }
        unanswered = []
        try:
            for answer in as_completed(list(answers)):
                rows = answers.pop(answer)
                try:
                    vectors[rows] = answer.result()
                except ServerGoneError:
                    unanswered.append(rows)
                    continue
                if progress is not None:
                    progress(len(rows))
        finally:
            for answer in answers:
                answer.cancel()
        return unanswered

    def _discard(self, session: Session, deaths: int) -> None:
        """Close a dead server's session, and fail if too many servers have died."""
        session.close()
        if self._closed:
            raise WikiEmbeddingsError(f"The encoder was closed during a request to {NAME}.")
        report = session.server.exit_report()
        if deaths > MAX_RESTARTS:
            raise WikiEmbeddingsError(
                f"{server.EXECUTABLE} died {deaths} times on the same passages. {report}"
            )
        log.warning("%s died and is being restarted. %s", server.EXECUTABLE, report)

    def _live_session(self) -> Session:
        with self._lock:
            if self._closed:
                raise WikiEmbeddingsError("This encoder is closed. Load another one.")
            if not self._session.is_alive:
                self._session.close()
                self._session = self._start_session()
            return self._session

    def _start_session(self) -> Session:
        release = self._info.runtime.removeprefix(f"{NAME} ")
        return start_session(self._settings, release, self._start_timeout_s)


def _group_requests(sequences: list[InputIds]) -> list[Rows]:
    """Group sequences into requests of about equal work, the longest sequences first."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    order = longest_first(lengths)
    ends = np.cumsum(lengths[order])
    requests = []
    begin = 0
    while begin < len(order):
        end = min(batch_end(ends, begin, REQUEST_TOKENS), begin + REQUEST_INPUTS)
        requests.append(order[begin:end])
        begin = end
    return requests
