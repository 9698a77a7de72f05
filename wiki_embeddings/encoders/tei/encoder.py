"""The encoder of the `tei` engine: requests by token budget, and a server that may die once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.batching import end_of_batch, longest_first
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import Ids, SequenceMaker
from wiki_embeddings.encoders.tei import server
from wiki_embeddings.encoders.tei.client import NAME, ServerGoneError
from wiki_embeddings.encoders.tei.session import Session, started
from wiki_embeddings.errors import WikiEmbeddingsError

log = logging.getLogger(__name__)

REQUEST_TOKENS = 8192
"""Tokens in a request: an answer of half a megabyte at most lengths, a few dozen a second."""

REQUEST_INPUTS = 512
"""Sequences in a request, where they are so short that the tokens would allow more."""

IN_FLIGHT = 8
"""Requests asked at once: while one batch is computed, the next is there and others are read."""

MAX_BATCH_TOKENS = 32_768
"""Tokens that the server computes at once: half of what is in flight, so that another batch is
waiting. An estimate, not measured: the launch of kernels should no longer matter from there on."""

START_WITHIN_S = 300.0
"""Seconds for a start: large weights from a volume that nobody has read before."""

RESTARTS = 1
"""Servers that may die during one call of `encode` without it being an error. A second one hints
that the input or the machine is the reason."""

Rows = npt.NDArray[np.int64]
"""Indices of the sequences of one request."""


def runtime() -> str:
    """Names the engine and its release.

    Raises:
        BadInputError: TEI is not installed here, or does not run.
    """
    return f"{NAME} {server.version()}"


class TeiEncoder:
    """An `Encoder` that asks TEI; see `protocol.Encoder` for what the methods do.

    Owns a server: `close` it, or use it as a context manager. A server that dies is started again,
    and only what it had not answered is asked again.
    """

    def __init__(
        self, model: ResolvedModel, info: EncoderInfo, *, start_within_s: float = START_WITHIN_S
    ) -> None:
        """Starts the server and waits until it is up.

        Args:
            model: The model.
            info: What this encoder says of itself; its runtime is what `runtime` says here.
            start_within_s: Seconds that a start may take.

        Raises:
            BadInputError: TEI is not installed.
            WikiEmbeddingsError: The server does not start, or is not what `info` says.
        """
        self._info = info
        self._start_within_s = start_within_s
        self._sequences = SequenceMaker(model)
        self._settings = server.ServerSettings(
            model=model,
            precision=info.precision,
            max_batch_tokens=MAX_BATCH_TOKENS,
            max_client_batch_size=REQUEST_INPUTS,
            max_concurrent_requests=IN_FLIGHT * REQUEST_INPUTS,
        )
        self._lock = threading.Lock()
        self._closed = False
        self._session = self._started()
        self._asking = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="tei")

    @property
    def info(self) -> EncoderInfo:
        """What this encoder is."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encodes passages that are tokenised already, by this model's own tokenizer."""
        return self._encode(self._sequences.from_passages(tokens), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenises texts, then encodes them."""
        return self._encode(self._sequences.from_texts(texts, query=query), None)

    def close(self) -> None:
        """Ends the server; what is being encoded in other threads fails."""
        with self._lock:
            self._closed = True
            self._session.close()
        self._asking.shutdown()  # at once: whatever is still to be asked finds nobody

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _encode(self, sequences: list[Ids], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), dtype=np.float32)
        requests = _requests(sequences)
        deaths = 0
        while requests:
            session = self._live_session()
            requests = self._ask(session, requests, sequences, vectors, progress)
            if requests:
                deaths += 1
                self._bury(session, deaths)
        return vectors

    def _ask(
        self,
        session: Session,
        requests: list[Rows],
        sequences: list[Ids],
        vectors: Vectors,
        progress: Progress | None,
    ) -> list[Rows]:
        """Fills in the vectors of requests, and returns those that a dead server left behind."""
        answers = {
            self._asking.submit(session.client.embed, [sequences[row] for row in rows]): rows
            for rows in requests
        }
        left_behind = []
        try:
            for answer in as_completed(list(answers)):
                rows = answers.pop(answer)
                try:
                    vectors[rows] = answer.result()
                except ServerGoneError:
                    left_behind.append(rows)
                    continue
                if progress is not None:
                    progress(len(rows))
        finally:
            for answer in answers:
                answer.cancel()
        return left_behind

    def _bury(self, session: Session, deaths: int) -> None:
        """Makes sure that a server is dead, and that not too many are."""
        session.close()
        if self._closed:
            raise WikiEmbeddingsError(f"The encoder was closed while {NAME} was being asked.")
        story = session.server.last_words()
        if deaths > RESTARTS:
            raise WikiEmbeddingsError(
                f"{server.EXECUTABLE} died {deaths} times over the same passages. {story}"
            )
        log.warning("%s died and is started again. %s", server.EXECUTABLE, story)

    def _live_session(self) -> Session:
        with self._lock:
            if self._closed:
                raise WikiEmbeddingsError("This encoder is closed. Load another one.")
            if not self._session.is_alive:
                self._session.close()
                self._session = self._started()
            return self._session

    def _started(self) -> Session:
        release = self._info.runtime.removeprefix(f"{NAME} ")
        return started(self._settings, release, self._start_within_s)


def _requests(sequences: list[Ids]) -> list[Rows]:
    """Groups sequences into requests of about equal work, the longest sequences first."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    order = longest_first(lengths)
    ends = np.cumsum(lengths[order])
    requests = []
    begin = 0
    while begin < len(order):
        end = min(end_of_batch(ends, begin, REQUEST_TOKENS), begin + REQUEST_INPUTS)
        requests.append(order[begin:end])
        begin = end
    return requests
