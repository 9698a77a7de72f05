"""Requests to Wikimedia's site of exports and its mirrors, under their rules for clients.

At most three connections per address, a User-Agent that names the project and a contact, and
`Retry-After` is meant: whoever evades that is blocked. All processes of a machine share its
address, so those of one user share the connections: two for files, and one for look-ups, so that
planning or a sensor need not wait for a file of gigabytes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from urllib.parse import urlsplit

import httpx2

from wiki_embeddings import __version__, settings
from wiki_embeddings.downloads.client_problems import CLIENT_ERRORS, client_problem
from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES, TransientError, retry_after_s
from wiki_embeddings.downloads.retries import RetryPolicy, with_retries
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings.sources.machine_slots import machine_slot

LOOKUP_POLICY = RetryPolicy(attempts=4, longest_retry_after_s=60.0, read_timeout_s=20.0)
"""A person waits for the plan, and a sensor looks again later."""

FILE_POLICY = RetryPolicy(attempts=8, longest_retry_after_s=900.0, read_timeout_s=60.0)
"""A file takes many minutes, and nobody waits for it."""

_LOOKUP_LIMIT_S = 60.0
"""Longest time of one answer, for a server that sends a byte now and then."""

_LONGEST_WAIT_FOR_LOOKUP_S = 300.0

_ADVICE = "Run it again later; finished work is kept. https://wikitech.wikimedia.org tells outages."


def user_agent(contact: str) -> str:
    """Return the User-Agent that Wikimedia's policy asks for: the project, and whom to ask."""
    return f"wiki-embeddings/{__version__} ({contact or 'embeds Wikipedias; no contact given'})"


@contextmanager
def file_connection(url: str) -> Generator[None]:
    """Wait for one of this machine's connections for files of a site, and hold it."""
    with machine_slot(f"files-of-{_host(url)}", FILE_CONNECTIONS):
        yield


@contextmanager
def site_client(agent: str, policy: RetryPolicy) -> Generator[httpx2.Client]:
    """Open a client with one connection.

    Raises:
        BadInputError: The environment's settings of proxies or certificates cannot work.
    """
    try:
        client = httpx2.Client(
            headers={"User-Agent": agent},
            timeout=policy.timeout(),
            limits=httpx2.Limits(max_connections=1),
            follow_redirects=True,
            max_redirects=5,
        )
    except CLIENT_ERRORS as error:
        problem = client_problem(error)
        if problem is None:
            raise
        # Not `from error`: its text may hold the proxy's password.
        raise BadInputError(problem) from None
    with client:
        yield client


class Lookups:
    """Small answers of the origin, over one connection; see `lookups`."""

    def __init__(self, client: httpx2.Client, deadline: float) -> None:
        self._client = client
        self._deadline = deadline

    def read(self, url: str, limit: int) -> bytes | None:
        """Read a small file or a listing; None if there is none.

        Args:
            url: Its address.
            limit: Most bytes that it may have.

        Raises:
            BadInputError: The site refuses.
            WikiEmbeddingsError: The site cannot be reached, is busy or too slow, redirects to
                another host, or answers with more bytes.
        """
        found = self._ask("GET", url, limit)
        return None if found is None else found[1]

    def size(self, url: str) -> int | None:
        """Ask for the size of a file in bytes; None if there is no such file.

        Raises:
            BadInputError: The site refuses.
            WikiEmbeddingsError: As `read`, or the site does not tell the size.
        """
        found = self._ask("HEAD", url, 0)
        if found is None:
            return None
        length = found[0].get("Content-Length", "")
        if not length.isdigit():
            raise WikiEmbeddingsError(f"{url} has no Content-Length. {_ADVICE}")
        return int(length)

    def _ask(self, method: str, url: str, limit: int) -> tuple[httpx2.Headers, bytes] | None:
        once = partial(self._once, method, url, limit)
        return with_retries(once, LOOKUP_POLICY, deadline=self._deadline)

    def _once(self, method: str, url: str, limit: int) -> tuple[httpx2.Headers, bytes] | None:
        # A size counts the bytes of the file, not those of a compressed answer.
        headers = {"Accept-Encoding": "identity"}
        until = min(time.monotonic() + _LOOKUP_LIMIT_S, self._deadline)
        if (left_s := until - time.monotonic()) <= 0:
            raise WikiEmbeddingsError(f"Cannot read {url}: the time for it is over. {_ADVICE}")
        timeout = LOOKUP_POLICY.timeout(left_s)
        with (
            translate_site_errors(url),
            self._client.stream(method, url, headers=headers, timeout=timeout) as response,
        ):
            _require_same_host(url, response)
            if response.status_code == 404:
                return None
            if not response.is_success:
                raise refusal(response, url)
            content = bytearray()
            for data in response.iter_bytes():
                content += data
                if len(content) > limit:
                    raise WikiEmbeddingsError(f"{url} has more than {limit:,} bytes. {_ADVICE}")
                if time.monotonic() > until:
                    raise TransientError(f"Cannot read {url}: the site is too slow.", _ADVICE)
            return response.headers, bytes(content)


@contextmanager
def lookups(within_s: float = math.inf) -> Generator[Lookups]:
    """Open the connection for look-ups at the origin, which the processes of a machine share.

    Args:
        within_s: Seconds for all of them, the wait for the connection included.

    Raises:
        BadInputError: A setting cannot work.
        BusyError: Other processes keep the connection for minutes, or for `within_s`.
    """
    site = settings.dumps()
    deadline = time.monotonic() + within_s
    wait_s = min(within_s, _LONGEST_WAIT_FOR_LOOKUP_S)
    with (
        machine_slot(f"lookups-at-{_host(site.url)}", 1, wait_s),
        site_client(user_agent(site.contact), LOOKUP_POLICY) as client,
    ):
        yield Lookups(client, deadline)


@contextmanager
def translate_site_errors(target: str) -> Generator[None]:
    """Turn exceptions of the HTTP client into errors for people.

    Raises:
        TransientError: The connection failed or broke.
        BadInputError: The site redirects to something else than a site.
    """
    try:
        yield
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise BadInputError(
            f"Cannot read {target}: not a valid address. Check WIKI_EMBEDDINGS_DUMPS_URL and "
            "WIKI_EMBEDDINGS_DUMPS_MIRROR."
        ) from error
    except httpx2.RequestError as error:
        raise TransientError(
            f"Cannot read {target}: the connection fails ({type(error).__name__}).",
            "Check the network, WIKI_EMBEDDINGS_DUMPS_URL and the proxy settings (HTTPS_PROXY, "
            "NO_PROXY), then run it again; finished work is kept.",
        ) from error


def refusal(response: httpx2.Response, target: str) -> WikiEmbeddingsError:
    """Return the error that an unsuccessful response stands for.

    Returns:
        A `TransientError` if another try may succeed, else a `BadInputError`.
    """
    status = response.status_code
    reason = f"Cannot read {target}: the site answers with status {status}."
    if status in TRANSIENT_STATUSES:
        return TransientError(reason, _ADVICE, retry_after_s(response.headers))
    if status == 403:
        return BadInputError(
            f"{reason} It blocks clients that it cannot contact: set WIKI_EMBEDDINGS_CONTACT to "
            "your email address or web page, and wait before you run it again."
        )
    return BadInputError(f"{reason} Check WIKI_EMBEDDINGS_DUMPS_URL and the proxy settings.")


def _require_same_host(url: str, response: httpx2.Response) -> None:
    """Require that the origin itself answers: nobody else may say what its files are."""
    asked, answering = httpx2.URL(url), response.url
    is_weaker = asked.scheme == "https" and answering.scheme != "https"
    if answering.host != asked.host or is_weaker:
        raise WikiEmbeddingsError(
            f"{url} redirects to {answering.scheme}://{answering.host}, which is not the origin, "
            "so its checksums prove nothing. Check WIKI_EMBEDDINGS_DUMPS_URL and the proxy."
        )


def _host(url: str) -> str:
    return urlsplit(url).netloc.replace(":", "-")
