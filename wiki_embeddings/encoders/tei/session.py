"""A server of TEI that is up and matches its settings, with a client for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.encoders.tei.client import NAME, ServerGoneError, TeiClient
from wiki_embeddings.encoders.tei.server import EXECUTABLE, ServerSettings, TeiServer
from wiki_embeddings.errors import WikiEmbeddingsError

_POLL_INTERVAL_S = 0.05

_PORT_TAKEN = "Address already in use"

_NO_GPU = "Using CPU instead"
"""Logged by a TEI built for GPUs before it computes a hundred times slower than paid for."""


class _PortTakenError(Exception):
    """Another process took the port after we chose it and before the server did."""


@dataclass(frozen=True, eq=False)
class Session:
    """A server that is up.

    Attributes:
        server: Its process.
        client: A client for it.
    """

    server: TeiServer
    client: TeiClient

    @property
    def is_alive(self) -> bool:
        """True if the server can be expected to answer."""
        return self.server.is_running and not self.client.is_gone

    def close(self) -> None:
        """Kill the server, whatever it is doing."""
        self.client.abort()
        self.server.close()
        self.client.close()


def start_session(settings: ServerSettings, release: str, timeout_s: float) -> Session:
    """Start a server and wait until it is up.

    Args:
        settings: What to start it with.
        release: The release that must answer.
        timeout_s: Seconds that the start may take. Before the server listens it loads the model
            and computes one batch of the largest size.

    Raises:
        WikiEmbeddingsError: It died, took too long, or does not match the settings.
        BadInputError: TEI is not installed.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        server = TeiServer(settings)
        session = Session(server, TeiClient(server.address, settings.model.dimensions))
        try:
            _wait_until_healthy(session, deadline, timeout_s)
            _check(session, settings, release)
        except _PortTakenError:
            session.close()
        except BaseException:  # also an interrupt: nothing else refers to the server yet
            session.close()
            raise
        else:
            return session


def _wait_until_healthy(session: Session, deadline: float, timeout_s: float) -> None:
    server = session.server
    while not session.client.is_healthy():
        if not server.is_running:
            server.close()
            if any(_PORT_TAKEN in line for line in server.lines()):
                raise _PortTakenError
            raise WikiEmbeddingsError(f"{EXECUTABLE} did not start. {server.exit_report()}")
        if time.monotonic() > deadline:
            server.close()
            raise WikiEmbeddingsError(
                f"{EXECUTABLE} was not up within {timeout_s:.0f} s, and was killed. "
                f"{server.exit_report()}"
            )
        time.sleep(_POLL_INTERVAL_S)


def _check(session: Session, settings: ServerSettings, release: str) -> None:
    """Check that the server is ours, and that it computes what it should on the right device."""
    if any(_NO_GPU in line for line in session.server.lines()):
        session.server.close()
        raise WikiEmbeddingsError(
            f"{NAME} is built for a GPU and finds none that it can use. Check `nvidia-smi` and "
            f"that the image is the one for this GPU. {session.server.exit_report()}"
        )
    try:
        info = session.client.info()
    except ServerGoneError as error:
        session.server.close()
        raise WikiEmbeddingsError(
            f"{EXECUTABLE} died as soon as it was up. {session.server.exit_report()}"
        ) from error
    if differences := _differences(info, _expected_info(session.server, settings, release)):
        raise WikiEmbeddingsError(f"{NAME} does not match its settings: {'; '.join(differences)}.")


def _expected_info(server: TeiServer, settings: ServerSettings, release: str) -> Mapping[str, Any]:
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
