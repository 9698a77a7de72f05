"""The HTTP client that all requests to the Hub share.

It is made from proxies and certificates in the environment. If that fails, the variable to blame is
found by trying them one by one.
"""

from __future__ import annotations

import os

import httpx2
from huggingface_hub import get_session

from wiki_embeddings.errors import BadInputError

_PROXY_VARIABLES = tuple(
    spelling
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    for spelling in (name.lower(), name)
)


def require_client() -> httpx2.Client:
    """Return the shared client, making it if necessary.

    Raises:
        BadInputError: A variable for proxies or certificates makes that impossible; names it.
    """
    try:
        return get_session()
    except (ImportError, ValueError, OSError, httpx2.InvalidURL) as error:
        problem = _proxy_problem() or _certificates_problem(error)
        if problem is None:
            raise
        # Not `from error`: its text may hold the proxy's password.
        raise BadInputError(problem) from None


def _proxy_problem() -> str | None:
    for name in _PROXY_VARIABLES:
        address = os.environ.get(name)
        if not address:
            continue
        try:
            proxy = address if "://" in address else f"http://{address}"
            httpx2.Client(proxy=proxy, trust_env=False).close()
        except ImportError:
            return (
                f"{name} names a SOCKS proxy, for which a package is missing: `pip install "
                f"socksio`, or set {name} to a proxy at http://…, or unset it."
            )
        except (ValueError, httpx2.InvalidURL):
            return (
                f"{name} is not the address of a proxy: write http://host:port, with a user's "
                "name and password before an @ if it needs them, or unset it."
            )
    return None


def _certificates_problem(error: Exception) -> str | None:
    path = os.environ.get("SSL_CERT_FILE")
    if path is None or not isinstance(error, OSError):
        return None
    return (
        f"SSL_CERT_FILE is {path}, which cannot be read as a file of certificates (PEM): correct "
        "it, or unset it."
    )
