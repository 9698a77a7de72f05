"""Whose token this process has for the Hugging Face Hub, and where it may write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

_WRITE_PERMISSION = "repo.write"
_WRITING_ROLES = {"admin", "write", "contributor"}


@dataclass(frozen=True)
class HubAccount:
    """The account that a token belongs to.

    Attributes:
        name: User name; empty if unknown.
        role: The token's role as the Hub calls it: `read`, `write` or `fineGrained`.
        write_scopes: Users, organisations and single repositories that the token may write to.
        problem: What is wrong with the token, in a few words; empty if the Hub accepts it.
    """

    name: str
    role: str = ""
    write_scopes: tuple[str, ...] = ()
    problem: str = ""

    def has_write_access(self, namespace: str) -> bool:
        """Return whether the token may write to anything in a namespace."""
        return any(
            scope == namespace or scope.startswith(f"{namespace}/") for scope in self.write_scopes
        )

    def may_write_to(self, repo_id: str) -> bool:
        """Return whether the token may write to a repository."""
        return not {repo_id, repo_id.partition("/")[0]}.isdisjoint(self.write_scopes)


def look_up_account() -> HubAccount:
    """Ask the Hub about the token in `HF_TOKEN`.

    Raises:
        TransientError: The Hub cannot be reached, or is busy.
        WikiEmbeddingsError: The Hub does not answer the question.
    """
    # Loaded here: the machine that only shows an account does not need them.
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    from wiki_embeddings.downloads.errors import TransientError
    from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
    from wiki_embeddings.hub_files.errors import error_for_response, translate_http_errors
    from wiki_embeddings.publishing.hub_calls import configure_client

    token = get_token()
    if token is None:
        return HubAccount("", problem="empty" if "HF_TOKEN" in os.environ else "missing")
    try:
        hub_headers()
    except BadInputError:
        return HubAccount("", problem="not a token, because it holds characters that none has")
    configure_client()
    target = "the account of the token"
    with translate_http_errors(target):
        try:
            return _parse_account(HfApi(endpoint=endpoint()).whoami(token))
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                return HubAccount("", problem="not accepted by the Hub")
            reason = (
                f"The Hub at {redacted_endpoint()} does not say whose token it is: it answers "
                f"with status {status}."
            )
            problem = error_for_response(error.response, target)
            if isinstance(problem, TransientError):
                raise TransientError(reason, "Ask again later.", problem.retry_after_s) from error
            advice = "Check HF_ENDPOINT and the proxy settings (HTTPS_PROXY, NO_PROXY)."
            raise WikiEmbeddingsError(f"{reason} {advice}") from error


def _parse_account(answer: Mapping[str, Any]) -> HubAccount:
    """Parse an answer of `/api/whoami-v2`."""
    token = answer.get("auth", {}).get("accessToken", {})
    return HubAccount(
        name=answer["name"],
        role=token.get("role", ""),
        write_scopes=tuple(dict.fromkeys(_write_scopes(answer, token))),
    )


def _write_scopes(answer: Mapping[str, Any], token: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names that the token may write to.

    A token with the role `write` may write where its user may; a fine-grained one where its scopes
    say so.
    """
    if token.get("role") == "write":
        yield answer["name"]
        yield from (
            org["name"] for org in answer.get("orgs", ()) if org.get("roleInOrg") in _WRITING_ROLES
        )
    fine_grained = token.get("fineGrained", {})
    if _WRITE_PERMISSION in fine_grained.get("global", ()):
        yield answer["name"]
    for scope in fine_grained.get("scoped", ()):
        if _WRITE_PERMISSION in scope.get("permissions", ()):
            yield scope["entity"]["name"]
