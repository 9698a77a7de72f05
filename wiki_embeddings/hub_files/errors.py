"""Tells what went wrong between here and the Hub, in words for people.

Messages are built from names and status codes alone: an exception's own text can hold a signed
address or a header, and with it a token.
"""

from __future__ import annotations

import email.utils
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx2
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint_name

TOO_MANY_REQUESTS = 429
TRANSIENT_STATUSES = frozenset({408, 425, TOO_MANY_REQUESTS, 500, 502, 503, 504, 520, 522, 524})
"""Statuses after which the same request may well succeed; the last three are Cloudflare's."""

REFUSALS = {
    "GatedRepo": "it is gated. Accept its terms at {hub} and set HF_TOKEN to that account's token.",
    "RevisionNotFound": "{hub} has no such revision of it. Check the revision's name.",
    "EntryNotFound": "{hub} has no such file in it. Check the file's name.",
    "RepoNotFound": "{hub} has no such repository, or it is private. "
    "Check the name, and set HF_TOKEN to a token that may read it.",
    "InvalidToken": "{hub} does not accept the token. Set HF_TOKEN to a valid one, or unset it.",
    "Forbidden": "{hub} forbids it. Set HF_TOKEN to a token that may read it.",
    "Other": "{hub} answers with status {status}. Check HF_ENDPOINT and the proxy settings.",
}
"""Why the Hub says no, by its `X-Error-Code` and by names of our own where it sends none."""

REFUSAL_OF_STATUS = {401: "RepoNotFound", 403: "Forbidden", 404: "RepoNotFound"}


class TransientError(WikiEmbeddingsError):
    """A failure that may be gone in a moment.

    Attributes:
        reason: The message without the advice that follows once trying again is over.
        retry_after_s: Seconds that the server asks to be left alone; None where it does not say.
    """

    def __init__(self, reason: str, advice: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason} {advice}".strip())
        self.reason = reason
        self.retry_after_s = retry_after_s


@contextmanager
def translate_http_errors(what: str, verb: str = "read") -> Generator[None]:
    """Turns what HTTP clients raise into errors for people.

    Args:
        what: What is being read, to stand after "Cannot read".
        verb: What else is done with it, to stand between.

    Raises:
        PassingError: The connection failed or broke.
        BadInputError: `HF_ENDPOINT` is no address.
        WikiEmbeddingsError: Offline mode is switched on.
    """
    try:
        yield
    except OfflineModeIsEnabled as error:
        message = f"Cannot {verb} {what}: offline mode is on. Unset HF_HUB_OFFLINE to allow it."
        raise WikiEmbeddingsError(message) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        message = f"HF_ENDPOINT is no address of a Hub: {endpoint_name()}. Write https://…"
        raise BadInputError(message) from error
    except httpx2.RequestError as error:
        raise _error_of_connection(error, what, verb) from error


def error_of_response(
    response: httpx2.Response, what: str, verb: str = "read"
) -> WikiEmbeddingsError:
    """Gives the error that stands for an answer which is not the one hoped for.

    Args:
        response: An answer of the Hub, or of the store that it redirected to.
        what: What is being read, to stand after "Cannot read".
        verb: What else is done with it, to stand between.

    Returns:
        A `TransientError` where another try is worth it, else a `BadInputError`.
    """
    status = response.status_code
    if status in TRANSIENT_STATUSES:
        hub = endpoint_name()
        reason = f"Cannot {verb} {what}: the Hub at {hub} answers with status {status}."
        advice = "Run it again later; what has been done is kept."
        return TransientError(reason, advice, _retry_after_s(response))
    return BadInputError(f"Cannot {verb} {what}: {_refusal(response)}")


def _refusal(response: httpx2.Response) -> str:
    """Says why the Hub refuses for good, and what to do about it."""
    code = response.headers.get("X-Error-Code", "")
    if "Invalid credentials" in response.headers.get("X-Error-Message", ""):
        code = "InvalidToken"
    if code not in REFUSALS:
        code = REFUSAL_OF_STATUS.get(response.status_code, "Other")
    return REFUSALS[code].format(hub=endpoint_name(), status=response.status_code)


def _error_of_connection(error: httpx2.RequestError, what: str, verb: str) -> TransientError:
    kind = type(error).__name__
    hub = endpoint_name()
    reason = f"Cannot {verb} {what}: the connection to the Hub at {hub} fails ({kind})."
    advice = (
        "Check the network, HF_ENDPOINT and the proxy settings (HTTPS_PROXY, NO_PROXY), then run "
        "it again; what has been done is kept."
    )
    return TransientError(reason, advice)


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Reads how long to wait: `Retry-After` in seconds or as a date, or the Hub's `RateLimit`."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    if value:
        return _seconds_until(value)
    limit = parse_ratelimit_headers(response.headers)
    if limit is None or response.status_code != TOO_MANY_REQUESTS:
        return None
    return float(limit.reset_in_seconds)


def _seconds_until(date: str) -> float | None:
    """Seconds until an HTTP date, never negative; None where it is not a date."""
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
