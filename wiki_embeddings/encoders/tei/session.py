"""A server of TEI that is up and does what was asked for, and the client that asks it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.encoders.tei.client import NAME, ServerGoneError, TeiClient
from wiki_embeddings.encoders.tei.server import EXECUTABLE, ServerSettings, TeiServer
from wiki_embeddings.errors import WikiEmbeddingsError

_ASK_EVERY_S = 0.05

_PORT_TAKEN = "Address already in use"

_NO_GPU = "Using CPU instead"
"""What a TEI built for GPUs says before it computes a hundred times slower than was paid for."""


class _PortTakenError(Exception):
    """Somebody took the port between our choice and the server's."""


@dataclass(frozen=True, eq=False)
class Session:
    """A server that is up.

    Attributes:
        server: Its process.
        client: Asks it.
    """

    server: TeiServer
    client: TeiClient

    @property
    def is_alive(self) -> bool:
        """Whether it is worth asking."""
        return self.server.is_running and not self.client.is_gone

    def close(self) -> None:
        """Ends the server, whatever it is at."""
        self.client.give_up()
        self.server.close()
        self.client.close()


def started(settings: ServerSettings, release: str, within_s: float) -> Session:
    """Starts a server and waits until it is up.

    Args:
        settings: What to start it with.
        release: The release that must answer.
        within_s: Seconds that it may take. Before it listens it loads the model and computes one
            batch of the largest size.

    Raises:
        WikiEmbeddingsError: It died, took too long, or is not what was asked for.
        BadInputError: TEI is not installed.
    """
    deadline = time.monotonic() + within_s
    while True:
        server = TeiServer(settings)
        session = Session(server, TeiClient(server.address, settings.model.dimensions))
        try:
            _await(session, deadline, within_s)
            _check(session, settings, release)
        except _PortTakenError:
            session.close()
        except BaseException:  # also an interrupt: nobody else knows of the server yet
            session.close()
            raise
        else:
            return session


def _await(session: Session, deadline: float, within_s: float) -> None:
    server = session.server
    while not session.client.is_healthy():
        if not server.is_running:
            server.close()
            if any(_PORT_TAKEN in line for line in server.lines()):
                raise _PortTakenError
            raise WikiEmbeddingsError(f"{EXECUTABLE} did not start. {server.last_words()}")
        if time.monotonic() > deadline:
            server.close()
            raise WikiEmbeddingsError(
                f"{EXECUTABLE} was not up within {within_s:.0f} s, and was killed. "
                f"{server.last_words()}"
            )
        time.sleep(_ASK_EVERY_S)


def _check(session: Session, settings: ServerSettings, release: str) -> None:
    """Makes sure that the server is ours, and computes what was asked for on what it should."""
    if any(_NO_GPU in line for line in session.server.lines()):
        session.server.close()
        raise WikiEmbeddingsError(
            f"{NAME} is built for a GPU and finds none that it can use. Check `nvidia-smi` and "
            f"that the image is the one for this GPU. {session.server.last_words()}"
        )
    try:
        info = session.client.info()
    except ServerGoneError as error:
        session.server.close()
        raise WikiEmbeddingsError(
            f"{EXECUTABLE} died as soon as it was up. {session.server.last_words()}"
        ) from error
    if wrong := _differences(info, _expected(session.server, settings, release)):
        raise WikiEmbeddingsError(f"{NAME} is not what was asked for: {'; '.join(wrong)}.")


def _expected(server: TeiServer, settings: ServerSettings, release: str) -> Mapping[str, Any]:
    return {
        "version": release,
        "model_id": str(server.model_folder),
        "model_dtype": settings.precision,
        "model_type": {"embedding": {"pooling": settings.model.pooling}},
        "max_input_length": settings.model.max_length,
        "max_batch_tokens": settings.max_batch_tokens,
        "max_client_batch_size": settings.max_client_batch_size,
        "max_concurrent_requests": settings.max_concurrent_requests,
    }


def _differences(info: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [
        f"{key} is {info.get(key)!r}, not {value!r}"
        for key, value in expected.items()
        if info.get(key) != value
    ]
