"""What Modal's client raises, in words for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiohttp
import modal
from grpclib.exceptions import StreamTerminatedError

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

ResultT = TypeVar("ResultT")

TRANSIENT = (
    modal.exception.ConnectionError,
    modal.exception.InternalError,
    modal.exception.ResourceExhaustedError,
    modal.exception.ServiceError,
    modal.exception.TimeoutError,  # of a question; those of `PERMANENT` are answers
    # What lies below comes up as it is when a connection breaks on every attempt of the client.
    StreamTerminatedError,
    aiohttp.ClientError,
    ConnectionError,
)
"""Errors of the way to Modal, not of what is asked; the same question may be answered later."""

PERMANENT = (modal.exception.FunctionTimeoutError, modal.exception.OutputExpiredError)
"""Time-outs that are an outcome: nothing becomes of asking again."""

_PATIENCE_S = 120.0
"""How long the same is asked again while Modal does not answer; its client gives up in a second."""

PAUSE_S = 1.0
"""Between two attempts while Modal does not answer."""

HOW_TO_SIGN_IN = (
    "Run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET to a token from "
    "https://modal.com/settings/tokens."
)


@contextmanager
def translate_modal_errors(what: str) -> Iterator[None]:
    """Turn what Modal's client raises into errors for people.

    Args:
        what: What is being done, to stand after "Modal cannot".

    Raises:
        BadInputError: The token is missing or not accepted.
        WikiEmbeddingsError: Anything else went wrong between here and Modal.
    """
    try:
        yield
    except modal.exception.AuthError as error:
        raise BadInputError(
            f"Modal does not accept this machine's token, or it has none. {HOW_TO_SIGN_IN}"
        ) from error
    except PERMANENT as error:
        raise WikiEmbeddingsError(f"Modal cannot {what}: {_first_line(error)}") from error
    except TRANSIENT as error:
        raise WikiEmbeddingsError(
            f"Modal cannot {what}: it does not answer ({_first_line(error)}). Look at "
            "https://status.modal.com and at the network, and run again: what is finished stays."
        ) from error
    except modal.exception.Error as error:
        raise WikiEmbeddingsError(
            f"Modal cannot {what}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def with_retries(what: str, ask: Callable[[], ResultT]) -> ResultT:
    """Ask Modal, and ask again while it does not answer: hours of work may hang on it.

    Args:
        what: What is being done, to stand after "Modal cannot".
        ask: Asks; does no harm when it is done twice.

    Raises:
        BadInputError: The token is missing or not accepted.
        WikiEmbeddingsError: Anything else went wrong between here and Modal.
    """
    give_up_at = time.monotonic() + _PATIENCE_S
    with translate_modal_errors(what):
        while True:
            try:
                return ask()
            except PERMANENT:
                raise
            except TRANSIENT:
                if time.monotonic() > give_up_at:
                    raise
            time.sleep(PAUSE_S)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or "no reason given"
