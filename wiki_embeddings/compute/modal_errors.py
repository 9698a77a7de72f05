"""What Modal's client raises, in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import modal

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

PASSING = (
    modal.exception.ConnectionError,
    modal.exception.InternalError,
    modal.exception.ResourceExhaustedError,
    modal.exception.ServiceError,
)
"""Errors of the way to Modal, not of what is asked; the same question may be answered later."""

HOW_TO_SIGN_IN = (
    "Run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET to a token from "
    "https://modal.com/settings/tokens."
)


@contextmanager
def explained(what: str) -> Iterator[None]:
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
    except PASSING as error:
        raise WikiEmbeddingsError(
            f"Modal cannot {what}: it does not answer ({_first_line(error)}). Look at "
            "https://status.modal.com and at the network, and run again: what is finished stays."
        ) from error
    except modal.exception.Error as error:
        raise WikiEmbeddingsError(
            f"Modal cannot {what}: {type(error).__name__}: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or "no reason given"
