"""Whose token this process has for the Hugging Face Hub, and where it may write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

_WRITE = "repo.write"
_WRITING_ROLES = {"admin", "write", "contributor"}


@dataclass(frozen=True)
class HubAccount:
    """Account of a token.

    Attributes:
        name: User name; empty where there is none.
        role: `read`, `write` or `fineGrained`, as the Hub calls them.
        may_write_to: Users and organisations to whose repositories it may write, and single
            repositories.
        refusal: What is wrong with the token, in a few words; empty where the Hub accepts it.
    """

    name: str
    role: str = ""
    may_write_to: tuple[str, ...] = ()
    refusal: str = ""

    def may_write_below(self, namespace: str) -> bool:
        """Whether there is anything in a namespace that the token may write to."""
        return any(
            name == namespace or name.startswith(f"{namespace}/") for name in self.may_write_to
        )


def account_of_token() -> HubAccount:
    """Ask the Hub about the token in `HF_TOKEN`.

    Raises:
        PassingError: The Hub cannot be reached, or is busy.
        WikiEmbeddingsError: It does not answer the question.
    """
    # A container's own libraries: nothing of this is needed where the answer is shown.
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    from wiki_embeddings.hub_files.endpoint import endpoint, hub_headers, redacted_endpoint
    from wiki_embeddings.hub_files.errors import (
        TransientError,
        error_for_response,
        translate_http_errors,
    )
    from wiki_embeddings.publishing.hub_calls import prepare_client

    token = get_token()
    if token is None:
        return HubAccount("", refusal="empty")
    try:
        hub_headers()
    except BadInputError:
        return HubAccount("", refusal="not a token, because it holds characters that none has")
    prepare_client()
    with translate_http_errors("the account of the token"):
        try:
            answer = HfApi(endpoint=endpoint()).whoami(token)
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in {401, 403}:
                return HubAccount("", refusal="not accepted by the Hub")
            reason = (
                f"The Hub at {redacted_endpoint()} does not say whose token it is: it answers with "
                f"status {status}."
            )
            advice = "Ask again later."
            failure = error_for_response(error.response, "the account of the token")
            if isinstance(failure, TransientError):
                raise TransientError(reason, advice, failure.retry_after_s) from error
            raise WikiEmbeddingsError(f"{reason} {advice}") from error
    return _account(answer)


def _account(answer: Mapping[str, Any]) -> HubAccount:
    """What an answer of `/api/whoami-v2` says."""
    token = answer.get("auth", {}).get("accessToken", {})
    return HubAccount(
        name=answer["name"],
        role=token.get("role", ""),
        may_write_to=tuple(dict.fromkeys(_writable(answer, token))),
    )


def _writable(answer: Mapping[str, Any], token: Mapping[str, Any]) -> Iterator[str]:
    """Names below which the token may write.

    A token with the role `write` may write where its user may; a fine-grained one where its scopes
    say so.
    """
    if token.get("role") == "write":
        yield answer["name"]
        yield from (
            org["name"] for org in answer.get("orgs", ()) if org.get("roleInOrg") in _WRITING_ROLES
        )
    fine = token.get("fineGrained", {})
    if _WRITE in fine.get("global", ()):
        yield answer["name"]
    for scope in fine.get("scoped", ()):
        if _WRITE in scope.get("permissions", ()):
            yield scope["entity"]["name"]
