"""One call of the Hub while publishing: transient failures are retried, refusals are explained."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    disable_progress_bars,
    hf_raise_for_status,
    logging,
)
from huggingface_hub.utils._http import hf_request_event_hook

from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES, TransientError
from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.errors import BadInputError, OutageError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, redacted_endpoint
from wiki_embeddings.hub_files.errors import (
    error_for_response,
    is_from_store,
    translate_http_errors,
)

ResultT = TypeVar("ResultT")

RETRY_POLICY = RetryPolicy(
    attempts=6,
    # The Hub counts commits over an hour, and says how much of it is left.
    longest_retry_after_s=3700.0,
    # The Hub itself allows a minute for a commit.
    read_timeout_s=120.0,
)

_VERB = "publish to"

_CONFLICT_STATUSES = {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED}
"""The second: the parent commit is no longer the head."""

_REFUSALS_BY_MESSAGE = {
    "storage limit": "{hub} says: {message}. Make room, or publish in public: set `private` of "
    "hub_dataset to false.",
    "discussions are disabled": "discussions, and with them pull requests, are switched off "
    "there. Switch them on in its settings at {hub}.",
}
"""By a part of the Hub's `X-Error-Message` in lower case."""

_REFUSALS_BY_STATUS = {
    401: "{hub} does not accept the token. Set HF_TOKEN to a valid one, in the Modal secret if "
    "the stages run there.",
    403: "{hub} forbids it{details}. Set HF_TOKEN to a token that may write to {namespace}, and "
    "take part in its discussions, in the Modal secret if the stages run there.",
    404: "{hub} has no such user, organisation or repository, or the token may not see it. Check "
    "WIKI_EMBEDDINGS_HUB_NAMESPACE and HF_TOKEN.",
}

_OTHER_REFUSAL = "{hub} answers with status {status}{details}."


class ConflictError(WikiEmbeddingsError):
    """Somebody else has changed the same thing in the meantime."""


def call_hub(repo_id: str, step: str, call: Callable[[HfApi], ResultT]) -> ResultT:
    """Call the Hub about a dataset, and again after transient failures.

    Args:
        repo_id: Name of the dataset.
        step: What the call does, for errors: "opening a pull request".
        call: Makes the call; may run several times.

    Raises:
        ConflictError: Somebody else has changed the same thing.
        BadInputError: The Hub refuses for good; says why and what to do.
        OutageError: The Hub cannot be reached, or stays busy.
    """
    try:
        return with_retries(lambda: call_hub_once(repo_id, step, call), RETRY_POLICY)
    except TransientError as error:
        # No longer transient, or an enclosing `with_retries` would start over.
        raise OutageError(str(error)) from error


def call_hub_once(repo_id: str, step: str, call: Callable[[HfApi], ResultT]) -> ResultT:
    """Do the same without retries; raises `TransientError` if another try may succeed."""
    configure_client()
    with translate_http_errors(f"{repo_id} ({step})", _VERB):
        try:
            return call(HfApi(endpoint=endpoint()))
        except HfHubHTTPError as error:
            # Not `from error`: its text may hold a signed URL.
            raise _error_for_response(error.response, repo_id, step) from None


def _error_for_response(response: httpx2.Response, repo_id: str, step: str) -> WikiEmbeddingsError:
    target = f"{repo_id} ({step})"
    status = response.status_code
    message = response.headers.get("X-Error-Message", "").rstrip(".")
    if status in TRANSIENT_STATUSES or is_from_store(response):
        return error_for_response(response, target, _VERB)
    if status in _CONFLICT_STATUSES:
        return ConflictError(f"Cannot {_VERB} {target}: {message or 'it has changed since'}.")
    refusals = [text for part, text in _REFUSALS_BY_MESSAGE.items() if part in message.lower()]
    refusal = refusals[0] if refusals else _REFUSALS_BY_STATUS.get(status, _OTHER_REFUSAL)
    explanation = refusal.format(
        hub=redacted_endpoint(),
        namespace=repo_id.partition("/")[0],
        status=status,
        message=message,
        details=f" ({message})" if message else "",
    )
    return BadInputError(f"Cannot {_VERB} {target}: {explanation}")


@cache
def configure_client() -> None:
    """Set up the Hub's client for all this process: timeouts, tries, progress bars, log.

    It has no narrower switches. Without them it waits forever on a stalled connection, sends a
    file six times before it reports a failure, draws its bars over ours and logs signed URLs.
    """
    os.environ.setdefault("HF_XET_CLIENT_RETRY_MAX_ATTEMPTS", "1")  # beyond the first
    huggingface_hub.set_client_factory(_create_client)
    disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # as the client declares it


class _Client(httpx2.Client):
    """The client of `huggingface_hub`, but a failed upload is not tried again in it: we try."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request; a failed upload raises what `huggingface_hub` does not catch."""
        if request.method != "PUT":
            return super().send(request, **options)
        try:
            response = super().send(request, **options)
        except httpx2.TransportError as error:
            raise httpx2.TransportError(type(error).__name__, request=request) from error
        hf_raise_for_status(response)
        return response


def _create_client() -> httpx2.Client:
    return _Client(
        event_hooks={"request": [hf_request_event_hook]},
        follow_redirects=True,
        timeout=RETRY_POLICY.timeout(),
    )
