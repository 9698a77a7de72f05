"""The Hub's address and the headers to send, read from the environment at each call."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token

from wiki_embeddings.errors import BadInputError

PUBLIC_HUB = "https://huggingface.co"


def endpoint() -> str:
    """Return the Hub's address, without a trailing slash: `HF_ENDPOINT`, or the public Hub."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def redacted_endpoint() -> str:
    """Return the Hub's address without a user name, password or query, for messages."""
    address = urlsplit(endpoint())
    return address._replace(netloc=address.netloc.rpartition("@")[2], query="").geturl()


def hub_headers() -> dict[str, str]:
    """Return the headers for a request to the Hub, with the current token if there is one.

    The client's own `build_hf_headers` is not used: it sends another request first, which takes
    seconds without a network.

    Raises:
        BadInputError: The token holds characters that cannot be sent. Refused here, because the
            HTTP client would show the whole token in its own error.
    """
    headers = {"User-Agent": "wiki-embeddings"}
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    if token is None:
        return headers
    if not (token.isascii() and token.isprintable()):
        message = (
            "HF_TOKEN holds characters that no token has. Copy it again from your Hub account."
        )
        raise BadInputError(message)
    return {**headers, "Authorization": f"Bearer {token}"}
