"""Errors of Modal's client: which are worth a retry, and what they mean to people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiohttp
import modal
from grpclib.exceptions import StreamTerminatedError

from wiki_embeddings.errors import BadInputError, OutageError, WikiEmbeddingsError

ResultT = TypeVar("ResultT")

TRANSIENT = (
    modal.exception.ConnectionError,
    modal.exception.InternalError,
    modal.exception.ResourceExhaustedError,
    modal.exception.ServiceError,
    modal.exception.TimeoutError,  # of the request; its subclasses in `_PERMANENT` are outcomes
    # The client lets these through if the connection breaks in each of its own attempts.
    StreamTerminatedError,
    aiohttp.ClientError,
    ConnectionError,
)
"""Errors of the connection to Modal, not of the request; a retry may succeed."""

_PERMANENT = (modal.exception.FunctionTimeoutError, modal.exception.OutputExpiredError)
"""Time-outs that are the outcome of a call; a retry gets the same."""

_RETRY_FOR_S = 120.0
"""How long a request is repeated while Modal does not answer; the client gives up in a second."""

RETRY_PAUSE_S = 1.0
"""Pause between two attempts."""

HOW_TO_SIGN_IN = (
    "Run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET to a token from "
    "https://modal.com/settings/tokens."
)


def is_transient(error: Exception) -> bool:
    """Return True for an error of the connection to Modal, after which a retry may succeed."""
    return isinstance(error, TRANSIENT) and not isinstance(error, _PERMANENT)


@contextmanager
def translate_modal_errors(action: str) -> Iterator[None]:
    """Translate exceptions of Modal's client into ours.

    Args:
        action: The action, to follow "Modal cannot".

    Raises:
        BadInputError: The token is missing or not accepted.
        OutageError: Modal does not answer.
        WikiEmbeddingsError: Any other error of Modal.
    """
    try:
        yield
    except modal.exception.AuthError as error:
        raise BadInputError(
            f"Modal does not accept this machine's token, or it has none. {HOW_TO_SIGN_IN}"
        ) from error
    except _PERMANENT as error:
        raise WikiEmbeddingsError(f"Modal cannot {action}: {_first_line(error)}") from error
    except TRANSIENT as error:
        raise OutageError(
            f"Modal cannot {action}: it does not answer ({_first_line(error)}). Look at "
            "https://status.modal.com and at the network, and run again: finished shards are kept."
        ) from error
    except modal.exception.Error as error:
        raise WikiEmbeddingsError(
            f"Modal cannot {action}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def with_retries(action: str, request: Callable[[], ResultT]) -> ResultT:
    """Send a request, and repeat it while Modal does not answer: hours of work may depend on it.

    Args:
        action: The action, to follow "Modal cannot".
        request: Sends the request; harmless if repeated.

    Raises:
        BadInputError: The token is missing or not accepted.
        OutageError: Modal does not answer.
        WikiEmbeddingsError: Any other error of Modal.
    """
    deadline = time.monotonic() + _RETRY_FOR_S
    with translate_modal_errors(action):
        while True:
            try:
                return request()
            except TRANSIENT as error:
                if not is_transient(error) or time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_PAUSE_S)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or "no reason given"
