"""Sites that datasets are read from by ranges: the Hub at one commit, and any other server."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import httpx2
from huggingface_hub import hf_hub_url

from wiki_embeddings import __version__
from wiki_embeddings.downloads.client_problems import CLIENT_ERRORS, client_problem
from wiki_embeddings.downloads.errors import TRANSIENT_STATUSES, TransientError, retry_after_s
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import HubSnapshot
from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
from wiki_embeddings.hub_files.errors import error_for_response, translate_http_errors
from wiki_embeddings.hub_files.http_client import require_client
from wiki_embeddings.search.http_ranges import CONNECTIONS, Site


def hub_site(snapshot: HubSnapshot) -> Site:
    """Return the site of a dataset on the Hub, pinned to the commit of a snapshot."""

    def address(path: str) -> str:
        return hf_hub_url(
            snapshot.repo_id,
            path,
            repo_type=snapshot.repo_type,
            revision=snapshot.commit,
            endpoint=endpoint(),
        )

    return Site(
        label=f"{snapshot.repo_id} at {snapshot.commit}",
        address=address,
        headers=hub_headers,
        client=require_client,
        translate=translate_http_errors,
        refusal=error_for_response,
        sizes={file.path: file.size for file in snapshot.files},
        advice=f"Something between here and {redacted_endpoint()} alters it: check HF_ENDPOINT "
        "and the proxy.",
    )


def web_site(url: str) -> Site:
    """Return the site of a dataset in Hub layout on any server.

    Args:
        url: Address of the folder that holds its README.md.

    Raises:
        BadInputError: It is no such address, or the environment's settings of proxies or
            certificates cannot work.
    """
    base = _base(url)
    client = _client()
    host = urlsplit(base).netloc

    @contextmanager
    def translate(target: str) -> Generator[None]:
        try:
            yield
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.TooManyRedirects) as error:
            raise BadInputError(
                f"Cannot read {target}: {host} redirects to what is no address. Check the address."
            ) from error
        except httpx2.RequestError as error:
            kind = type(error).__name__
            raise TransientError(
                f"Cannot read {target}: the connection to {host} fails ({kind}).",
                "Check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY).",
            ) from error

    def refusal(response: httpx2.Response, target: str) -> WikiEmbeddingsError:
        status = response.status_code
        reason = f"Cannot read {target}: {response.url.host} answers with status {status}."
        if status in TRANSIENT_STATUSES:
            return TransientError(reason, "Try again later.", retry_after_s(response.headers))
        return BadInputError(f"{reason} Check the address, and that anyone may read it.")

    return Site(
        label=base,
        address=lambda path: f"{base}/{quote(path)}",
        headers=dict,
        client=lambda: client,
        translate=translate,
        refusal=refusal,
        sizes=None,
        advice=f"Check the server {host}, and any proxy or cache between here and it.",
        close=client.close,
    )


def _base(url: str) -> str:
    """Return the address of a folder without a trailing slash."""
    try:
        parts = urlsplit(url)
        is_folder = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_folder = False
    if not is_folder or parts.query or parts.fragment or not url.isprintable():
        raise BadInputError(
            f"{url!r} is not the address of a dataset: write that of the folder that holds its "
            "README.md, as https://example.org/my-dataset, without ? or #."
        )
    if parts.username is not None:  # it would be shown in messages and kept in the cache
        raise BadInputError("The address holds a user's name: write it without one.")
    return url.rstrip("/").removesuffix("/README.md")


def _client() -> httpx2.Client:
    try:
        return httpx2.Client(
            headers={"User-Agent": f"wiki-embeddings/{__version__}"},
            limits=httpx2.Limits(
                max_connections=2 * CONNECTIONS, max_keepalive_connections=CONNECTIONS
            ),
            follow_redirects=True,
            max_redirects=5,
        )
    except CLIENT_ERRORS as error:
        problem = client_problem(error)
        if problem is None:
            raise
        # Not `from error`: its text may hold the proxy's password.
        raise BadInputError(problem) from None
