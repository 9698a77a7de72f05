"""Calls of the app's functions: how to wait for one, cancel one, and record who makes an output."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import modal

from wiki_embeddings.compute.modal.container import Refusal
from wiki_embeddings.compute.modal.deployment import APP
from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.compute.modal.uninterruptible import uninterruptible
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.host import duration
from wiki_embeddings.volume import Files, call_record

_TIMEOUT_S = 900.0
"""A running container answers within seconds; a GPU may take minutes to become available."""

_TAKEN_OVER = " taken over"
"""Follows the ids of the calls in the record of an output that another run has taken over."""


def call_remote(
    function: modal.Function, action: str, *args: Any, timeout_s: float = _TIMEOUT_S, **kwargs: Any
) -> Any:
    """Call a function of the app once and wait for its result.

    Modal restarts a container that fails to start, again and again; the time-out ends that.

    Args:
        function: The function.
        action: The action, to follow "Modal cannot".
        args: Its arguments.
        timeout_s: Longest wait in seconds.
        kwargs: Its keyword arguments.

    Raises:
        BadInputError: The function has returned a `Refusal`.
        WikiEmbeddingsError: No result in time, Modal cannot be reached, or the function raised it.
    """
    call = with_retries(action, lambda: function.spawn(*args, **kwargs))
    try:
        result = with_retries(action, lambda: call.get(timeout=timeout_s))
    except TimeoutError as error:
        cancel(call)
        raise WikiEmbeddingsError(
            f"Modal cannot {action}: no answer within {duration(timeout_s)}. Its containers may "
            f"fail to start, or none is free; look at {call.get_dashboard_url()}"
        ) from error
    except Exception:
        raise
    except BaseException:  # an interrupt: leave nothing running for a run that is over
        cancel(call)
        raise
    if isinstance(result, Refusal):
        raise BadInputError(result.cause)
    return result


async def is_deployed() -> bool:
    """Return True if the app is deployed now.

    Raises:
        modal.exception.Error: Modal does not say.
    """
    try:
        await modal.Function.from_name(APP, "handshake").hydrate.aio()
    except modal.exception.NotFoundError:
        return False
    return True


def cancel(call: modal.FunctionCall) -> None:
    """Cancel a call and stop the containers that work on it.

    A second Ctrl-C does not stop this; it is raised at the end.

    Raises:
        WikiEmbeddingsError: Modal does not answer, so the call may go on.
    """

    def request() -> None:
        # Modal forgets calls after some days, and may refuse to cancel one that has ended.
        with suppress(modal.exception.NotFoundError, modal.exception.InvalidError):
            call.cancel(terminate_containers=True)

    action = f"cancel the call; stop it at {call.get_dashboard_url()}"
    uninterruptible(lambda: with_retries(action, request))


@dataclass(frozen=True)
class CallRecord:
    """The record, on the volume, of the calls that make an output: lets a later run take over.

    Attributes:
        files: The volume's small files.
        folder: Reference of the output folder.
    """

    files: Files
    folder: str

    def write(self, ids: Sequence[str]) -> None:
        """Record that the calls with these ids make the output from now on."""
        self.files.write_bytes(call_record(self.folder), "\n".join(ids).encode())

    def clear(self) -> None:
        """Record that no call makes the output any more."""
        self.files.write_bytes(call_record(self.folder), b"")

    def is_current(self, ids: Sequence[str]) -> bool:
        """Return True if these calls still make the output, so no other run has taken over."""
        return self._read() == "\n".join(ids)

    def names_a_call(self) -> bool:
        """Return True if a run is at work on the output, or ended without clearing the record."""
        return bool(self._read())

    def take_over(self) -> None:
        """Cancel the call that another run has left behind or is still waiting for.

        Its finished shards are kept. Two calls for one output would do the same work twice.
        """
        earlier = self._read().partition(_TAKEN_OVER)[0]
        if earlier:
            # Written first: the other run reads it as soon as it sees that its call is cancelled.
            self.files.write_bytes(call_record(self.folder), f"{earlier}{_TAKEN_OVER}".encode())
            for call_id in earlier.splitlines():
                cancel(modal.FunctionCall.from_id(call_id))

    def _read(self) -> str:
        try:
            return self.files.read_bytes(call_record(self.folder)).decode()
        except FileNotFoundError:
            return ""
