"""Calls of the app: one question and its answer within a time limit, and how a call is ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import modal

from wiki_embeddings.compute.modal.container import Refusal
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.compute.modal.uninterruptible import uninterruptible
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.host import duration
from wiki_embeddings.volume import Files, call_record

_ANSWER_S = 900.0
"""A container answers within seconds once it runs; a GPU may have to be waited for."""

_TAKEN_OVER = " taken over"
"""Behind the id of a call, in the record of an output that another run has taken over."""


def answer(
    function: modal.Function, what: str, *args: Any, within_s: float = _ANSWER_S, **kwargs: Any
) -> Any:
    """Call a function of the app once and wait for its result.

    Modal starts a container that fails again without end; the limit ends that.

    Args:
        function: The function.
        what: What is asked, to stand after "Modal cannot".
        args: Its arguments.
        within_s: Longest to wait, in seconds.
        kwargs: Likewise.

    Raises:
        BadInputError: The function refuses to answer.
        WikiEmbeddingsError: There was no answer in time, Modal cannot be reached, or the function
            raised one.
    """
    call = with_retries(what, lambda: function.spawn(*args, **kwargs))
    try:
        result = with_retries(what, lambda: call.get(timeout=within_s))
    except TimeoutError as error:
        cancel(call)
        raise WikiEmbeddingsError(
            f"Modal cannot {what}: no answer within {duration(within_s)}. Its containers may "
            f"fail to start, or none is free; look at {call.get_dashboard_url()}"
        ) from error
    except Exception:
        raise
    except BaseException:  # an interrupt: nothing goes on for a run that is over
        cancel(call)
        raise
    if isinstance(result, Refusal):
        raise BadInputError(result.cause)
    return result


def cancel(call: modal.FunctionCall) -> None:
    """Cancel a call and stop the containers that work on it.

    An impatient second interrupt does not stop this: it comes up when all is said.

    Raises:
        WikiEmbeddingsError: Modal does not answer, so that it may go on.
    """

    def end() -> None:
        # Modal forgets calls after some days, and may refuse to end what has ended.
        with suppress(modal.exception.NotFoundError, modal.exception.InvalidError):
            call.cancel(terminate_containers=True)

    what = f"cancel the call; stop it at {call.get_dashboard_url()}"
    uninterruptible(lambda: with_retries(what, end))


@dataclass(frozen=True)
class CallRecord:
    """Which call makes an output, on the volume: for a run that takes over from another one.

    Attributes:
        files: The volume's small files.
        folder: Reference of the output folder.
    """

    files: Files
    folder: str

    def write(self, call: modal.FunctionCall) -> None:
        """Write down that this call makes the output from now on."""
        self.files.write_bytes(call_record(self.folder), call.object_id.encode())

    def clear(self) -> None:
        """Write down that no call makes the output any more."""
        self.files.write_bytes(call_record(self.folder), b"")

    def names(self, call: modal.FunctionCall) -> bool:
        """Whether this call still makes the output, and no other run has taken over."""
        return self._read() == call.object_id

    def take_over(self) -> None:
        """Cancel the call that an earlier run may have left at work, or that another run awaits.

        What it has finished is kept. Two calls for one output would only do the same work twice.
        """
        earlier = self._read().partition(_TAKEN_OVER)[0]
        if earlier:
            # Said first: the other run asks as soon as it sees that its call was cancelled.
            self.files.write_bytes(call_record(self.folder), f"{earlier}{_TAKEN_OVER}".encode())
            cancel(modal.FunctionCall.from_id(earlier))

    def _read(self) -> str:
        try:
            return self.files.read_bytes(call_record(self.folder)).decode()
        except FileNotFoundError:
            return ""
