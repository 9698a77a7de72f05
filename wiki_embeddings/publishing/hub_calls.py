"""One question to the Hub while publishing: patient with what passes, clear about what does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # exported lazily
    disable_progress_bars,
    logging,
)
from huggingface_hub.utils._http import default_client_factory

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, redacted_endpoint
from wiki_embeddings.hub_files.errors import (
    TRANSIENT_STATUSES,
    TransientError,
    error_for_response,
    translate_http_errors,
)
from wiki_embeddings.hub_files.retries import RetryPolicy, with_retries

ResultT = TypeVar("ResultT")

RETRY_POLICY = RetryPolicy(
    attempts=6,
    # The Hub's limit on commits is counted over an hour, and it says how much of it is left.
    longest_retry_after_s=3700.0,
    # It gives a commit a minute itself.
    read_timeout_s=120.0,
)

_VERB = "publish to"

_MOVED_ON = frozenset({409, 412})
"""Conflict, and a parent commit that is no longer the head."""

_REFUSALS = {
    401: "{hub} does not accept the token. Set HF_TOKEN to a valid one, in the Modal secret where "
    "the stages run there.",
    403: "{hub} forbids it{said}. Set HF_TOKEN to a token that may write to {namespace}, and take "
    "part in its discussions, in the Modal secret where the stages run there.",
    404: "{hub} has no such user, organisation or repository, or the token may not see it. Check "
    "WIKI_EMBEDDINGS_HUB_NAMESPACE and HF_TOKEN.",
}

_STORAGE_LIMIT = "storage limit"

_NO_PULL_REQUESTS = "discussions are disabled"


class MovedOnError(WikiEmbeddingsError):
    """Somebody else has changed the same thing meanwhile."""


def ask(repo_id: str, step: str, question: Callable[[HfApi], ResultT]) -> ResultT:
    """Ask the Hub something about a dataset, or tell it something.

    Args:
        repo_id: Name of the dataset.
        step: What is being done, for errors: "opening a pull request".
        question: Asks; may be called several times.

    Raises:
        MovedOnError: Somebody else has changed the same thing.
        BadInputError: The Hub refuses for good; says why and what to do.
        WikiEmbeddingsError: The Hub cannot be reached, or stays busy.
    """
    try:
        return with_retries(lambda: ask_once(repo_id, step, question), RETRY_POLICY)
    except TransientError as error:
        # Patience is at an end: whoever asks this among other things is not to begin anew.
        raise WikiEmbeddingsError(str(error)) from error


def ask_once(repo_id: str, step: str, question: Callable[[HfApi], ResultT]) -> ResultT:
    """The same without trying again; raises `TransientError` where that is worth it."""
    prepare_client()
    what = f"{repo_id} ({step})"
    with translate_http_errors(what, _VERB):
        try:
            return question(HfApi(endpoint=endpoint()))
        except HfHubHTTPError as error:
            # Not `from error`: its text may hold a signed address.
            raise error_of_answer(error.response, repo_id, step) from None


def error_of_answer(response: httpx2.Response, repo_id: str, step: str) -> WikiEmbeddingsError:
    """The error that stands for an answer which is not the one hoped for."""
    what = f"{repo_id} ({step})"
    status = response.status_code
    said = response.headers.get("X-Error-Message", "").rstrip(".")
    if status in TRANSIENT_STATUSES:
        return error_for_response(response, what, _VERB)
    if status in _MOVED_ON:
        return MovedOnError(f"Cannot {_VERB} {what}: {said or 'it has changed meanwhile'}.")
    if _STORAGE_LIMIT in said.lower():
        return BadInputError(
            f"Cannot {_VERB} {what}: {redacted_endpoint()} says: {said}. Make room, or publish in "
            "public: set `private` of hub_dataset to false."
        )
    if _NO_PULL_REQUESTS in said.lower():
        return BadInputError(
            f"Cannot {_VERB} {what}: discussions, and with them pull requests, are switched off "
            f"there. Switch them on in its settings at {redacted_endpoint()}."
        )
    refusal = _REFUSALS.get(status, "{hub} answers with status {status}{said}.").format(
        hub=redacted_endpoint(),
        namespace=repo_id.partition("/")[0],
        status=status,
        said=f" ({said})" if said else "",
    )
    return BadInputError(f"Cannot {_VERB} {what}: {refusal}")


@cache
def prepare_client() -> None:
    """Let the Hub's client give up a connection on which nothing comes any more, and be quiet.

    By itself it waits for ever. Its bars would be drawn over ours, and its log names signed
    addresses. It has no other switches than for the whole process.
    """
    huggingface_hub.set_client_factory(_client)
    disable_progress_bars()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # as the client declares it


def _client() -> httpx2.Client:
    client = default_client_factory()
    client.timeout = RETRY_POLICY.timeout()
    return client
