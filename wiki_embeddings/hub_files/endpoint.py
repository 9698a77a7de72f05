"""Where the Hub is and what to send to it, read from the environment at the moment of the call."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token

from wiki_embeddings.errors import BadInputError

PUBLIC_HUB = "https://huggingface.co"


def endpoint() -> str:
    """Address of the Hub: `HF_ENDPOINT`, or the public one; without a slash at its end."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC_HUB).rstrip("/")


def endpoint_name() -> str:
    """Address of the Hub to show to people: without a user name or password that it may hold."""
    address = urlsplit(endpoint())
    return address._replace(netloc=address.netloc.rpartition("@")[2], query="").geturl()


def hub_headers() -> dict[str, str]:
    """Headers for a request to the Hub, with the token of whoever is logged in.

    The client's own `build_hf_headers` is not used: it asks the Hub a question first, which takes
    seconds where there is no network.

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
