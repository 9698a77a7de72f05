"""Finds what in the environment keeps an HTTP client from being made: a proxy, or certificates."""

from __future__ import annotations

import os

import httpx2

_PROXY_VARIABLES = tuple(
    spelling
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    for spelling in (name.lower(), name)
)

CLIENT_ERRORS = (ImportError, ValueError, OSError, httpx2.InvalidURL)
"""What making a client raises for such settings."""


def client_problem(error: Exception) -> str | None:
    """Name the variable that makes a client impossible, and what to do; None if none does.

    Its text never holds the value of a proxy's variable, which may have a password.

    Args:
        error: What making a client has raised.
    """
    return _proxy_problem() or _certificates_problem(error)


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
