"""The HTTP client that all requests to the Hub share.

It is made from proxies and certificates in the environment; see `downloads.client_problems`.
"""

from __future__ import annotations

import httpx2
from huggingface_hub import get_session

from wiki_embeddings.downloads.client_problems import CLIENT_ERRORS, client_problem
from wiki_embeddings.errors import BadInputError


def require_client() -> httpx2.Client:
    """Return the shared client, making it if necessary.

    Raises:
        BadInputError: A variable for proxies or certificates makes that impossible; names it.
    """
    try:
        return get_session()
    except CLIENT_ERRORS as error:
        problem = client_problem(error)
        if problem is None:
            raise
        # Not `from error`: its text may hold the proxy's password.
        raise BadInputError(problem) from None
