"""Errors of Modal's client: which are retried, and what people read."""

from __future__ import annotations

import aiohttp
import modal
import pytest
from grpclib.exceptions import StreamTerminatedError

from wiki_embeddings.compute.modal import errors as modal_errors
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError


class Request:
    """A request that raises each of these errors in turn and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modal_errors, "RETRY_PAUSE_S", 0.0)


@pytest.mark.parametrize(
    "error",
    [
        modal.exception.ServiceError("unavailable"),
        modal.exception.ConnectionError("no route"),
        modal.exception.TimeoutError("it accepts and stays silent"),
        StreamTerminatedError("connection lost"),
        aiohttp.ServerDisconnectedError(),
        ConnectionResetError(104, "reset by peer"),
    ],
)
def test_a_request_is_repeated_while_modal_does_not_answer(error):
    request = Request(*[error] * 20)
    assert with_retries("ask", request) == "answer"
    assert request.attempts == 21


@pytest.mark.parametrize(
    "error", [StreamTerminatedError("gone"), modal.exception.ServiceError("gone")]
)
def test_retries_end_with_a_sentence_that_says_what_to_do(monkeypatch, error):
    monkeypatch.setattr(modal_errors, "_RETRY_FOR_S", 0.0)
    expected = r"Modal cannot ask: it does not answer \(gone\)\. Look at https://status"
    with pytest.raises(WikiEmbeddingsError, match=expected):
        with_retries("ask", Request(*[error] * 99))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (modal.exception.FunctionTimeoutError("after 60 minutes"), "after 60 minutes"),
        (modal.exception.OutputExpiredError("it is gone"), "it is gone"),
        (modal.exception.NotFoundError("no such app"), "NotFoundError: no such app"),
    ],
)
def test_an_outcome_is_not_retried(error, expected):
    request = Request(error)
    with pytest.raises(WikiEmbeddingsError, match=expected):
        with_retries("ask", request)
    assert request.attempts == 1


def test_a_refused_token_is_a_bad_input():
    with pytest.raises(BadInputError, match="modal setup"):
        with_retries("ask", Request(modal.exception.AuthError("no")))
