"""Turns failures between this machine and the Hub into errors for people.

Messages contain only names and status codes: an exception's own text can hold a signed URL or a
header, and with it a token.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # exported lazily

from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES, TransientError, retry_after_s
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files.endpoint import endpoint, redacted_endpoint
from wiki_embeddings.hub_files.http_client import require_client

_REFUSALS = {
    "GatedRepo": "it is gated. Accept its terms at {hub} and set HF_TOKEN to that account's token.",
    "RevisionNotFound": "{hub} has no such revision of it. Check the revision's name.",
    "EntryNotFound": "{hub} has no such file in it. Check the file's name.",
    "RepoNotFound": "{hub} has no such repository, or it is private. "
    "Check the name, and set HF_TOKEN to a token that may read it.",
    "InvalidToken": "{hub} does not accept the token. Set HF_TOKEN to a valid one, or unset it.",
    "Forbidden": "{hub} forbids it. Set HF_TOKEN to a token that may read it.",
    "Other": "{hub} answers with status {status}. Check HF_ENDPOINT and the proxy settings.",
}
"""Why the Hub refuses, by its `X-Error-Code`, or by a name of ours where it sends none."""

_CODE_FOR_STATUS = {401: "RepoNotFound", 403: "Forbidden", 404: "RepoNotFound"}


_HUB_HEADERS = frozenset({"x-error-code", "x-error-message"})
"""Only the Hub sends these, not a store."""


@contextmanager
def translate_http_errors(target: str, verb: str = "read") -> Generator[None]:
    """Turn exceptions of the HTTP client into errors for people.

    Args:
        target: The object of the sentence "Cannot read …".
        verb: Its verb.

    Raises:
        TransientError: The connection failed or broke.
        BadInputError: `HF_ENDPOINT` is not a valid address, or the environment's settings of
            proxies or certificates cannot work.
        WikiEmbeddingsError: Offline mode is on.
    """
    require_client()  # first, so that HF_ENDPOINT is not blamed for the address of a proxy
    try:
        yield
    except OfflineModeIsEnabled as error:
        message = f"Cannot {verb} {target}: offline mode is on. Unset HF_HUB_OFFLINE to allow it."
        raise WikiEmbeddingsError(message) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        message = f"HF_ENDPOINT is not a valid address: {redacted_endpoint()}. Write https://…"
        raise BadInputError(message) from error
    except httpx2.RequestError as error:
        raise _connection_error(error, target, verb) from error


def error_for_response(
    response: httpx2.Response, target: str, verb: str = "read"
) -> WikiEmbeddingsError:
    """Return the error that an unsuccessful response stands for.

    Args:
        response: From the Hub, or from the store that it redirected to.
        target: The object of the sentence "Cannot read …".
        verb: Its verb.

    Returns:
        A `TransientError` if another try may succeed, else a `BadInputError`.
    """
    status = response.status_code
    if status in TRANSIENT_STATUSES:
        hub = redacted_endpoint()
        reason = f"Cannot {verb} {target}: the Hub at {hub} answers with status {status}."
        advice = "Run it again later; finished work is kept."
        return TransientError(reason, advice, _retry_after_s(response))
    if is_from_store(response):
        return _store_error(response, target, verb)
    return BadInputError(f"Cannot {verb} {target}: {_refusal(response)}")


def is_from_store(response: httpx2.Response) -> bool:
    """Return whether a response comes from the store of large files, to which the Hub sends us.

    Whatever the store refuses, the Hub has allowed, so a new address from the Hub may overcome it:
    its signature has expired, for example. A mirror may redirect to another Hub, which the headers
    of its refusals tell.
    """
    is_elsewhere = response.url.netloc != httpx2.URL(endpoint()).netloc
    return is_elsewhere and not _HUB_HEADERS & response.headers.keys()


def _store_error(response: httpx2.Response, target: str, verb: str) -> TransientError:
    host, status = response.url.host, response.status_code
    reason = (
        f"Cannot {verb} {target}: the store {host}, to which the Hub at {redacted_endpoint()} "
        f"sends us, refuses with status {status}."
    )
    advice = (
        f"Run it again later; finished work is kept. If it lasts, a proxy or firewall may block "
        f"{host}."
    )
    return TransientError(reason, advice)


def _refusal(response: httpx2.Response) -> str:
    """Say why the Hub refuses for good, and what to do about it."""
    code = response.headers.get("X-Error-Code", "")
    if "Invalid credentials" in response.headers.get("X-Error-Message", ""):
        code = "InvalidToken"
    if code not in _REFUSALS:
        code = _CODE_FOR_STATUS.get(response.status_code, "Other")
    return _REFUSALS[code].format(hub=redacted_endpoint(), status=response.status_code)


def _connection_error(error: httpx2.RequestError, target: str, verb: str) -> TransientError:
    kind = type(error).__name__
    hub = redacted_endpoint()
    reason = f"Cannot {verb} {target}: the connection to the Hub at {hub} fails ({kind})."
    advice = (
        "Check the network, HF_ENDPOINT and the proxy settings (HTTPS_PROXY, NO_PROXY), then run "
        "it again; finished work is kept."
    )
    return TransientError(reason, advice)


def _retry_after_s(response: httpx2.Response) -> float | None:
    """Read how long to wait: `Retry-After`, or the Hub's `RateLimit`."""
    if response.headers.get("Retry-After", "").strip():
        return retry_after_s(response.headers)
    limit = parse_ratelimit_headers(response.headers)
    if limit is None or response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    return float(limit.reset_in_seconds)
