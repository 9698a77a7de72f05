"""What Modal's client raises on the way, and what becomes of it."""

from __future__ import annotations

import aiohttp
import modal
import pytest
from grpclib.exceptions import StreamTerminatedError

from wiki_embeddings.compute.modal import errors as modal_errors
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError


class Asked:
    """Something to ask, which raises each of these in turn and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modal_errors, "PAUSE_S", 0.0)


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
def test_what_happens_on_the_way_is_asked_again(error):
    asked = Asked(error, error)
    assert with_retries("ask", asked) == "answer"
    assert asked.times == 3


def test_who_never_answers_is_given_up_with_what_to_do(monkeypatch):
    monkeypatch.setattr(modal_errors, "_PATIENCE_S", 0.0)
    with pytest.raises(WikiEmbeddingsError, match=r"Modal cannot ask: .*connection lost.*status"):
        with_retries("ask", Asked(*[StreamTerminatedError("connection lost")] * 99))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (modal.exception.FunctionTimeoutError("after 60 minutes"), "after 60 minutes"),
        (modal.exception.OutputExpiredError("it is gone"), "it is gone"),
        (modal.exception.NotFoundError("no such app"), "NotFoundError: no such app"),
    ],
)
def test_an_outcome_is_not_asked_for_again(error, told):
    asked = Asked(error)
    with pytest.raises(WikiEmbeddingsError, match=told):
        with_retries("ask", asked)
    assert asked.times == 1


def test_a_refused_token_is_an_input_to_mend():
    with pytest.raises(BadInputError, match="modal setup"):
        with_retries("ask", Asked(modal.exception.AuthError("no")))
