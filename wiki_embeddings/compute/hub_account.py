"""Whose token this process has for the Hugging Face Hub, and where it may write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WRITE = "repo.write"


@dataclass(frozen=True)
class HubAccount:
    """Account of a token.

    Attributes:
        name: User name; empty where the Hub does not accept the token.
        role: `read`, `write` or `fineGrained`, as the Hub calls them.
        may_write_to: Users and organisations whose repositories it may write to.
    """

    name: str
    role: str = ""
    may_write_to: tuple[str, ...] = ()


def account_of_token() -> HubAccount:
    """Ask the Hub about the token in `HF_TOKEN`.

    Raises:
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    # A container's own libraries: nothing of this is needed where the answer is shown.
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    from wiki_embeddings.hub_files.failures import explained

    with explained("the account of the token"):
        try:
            answer = HfApi().whoami()
        except HfHubHTTPError as error:
            if error.response.status_code in {401, 403}:
                return HubAccount("")
            raise
    token = answer.get("auth", {}).get("accessToken", {})
    return HubAccount(
        name=answer["name"],
        role=token.get("role", ""),
        may_write_to=tuple(dict.fromkeys(_writable(answer, token))),
    )


def _writable(answer: Mapping[str, Any], token: Mapping[str, Any]) -> Iterator[str]:
    """Names below which the token may write.

    The answer's shape is that of `/api/whoami-v2`: a token with the role `write` may write where
    its user may; a fine-grained one where its scopes say so.
    """
    if token.get("role") == "write":
        yield answer["name"]
        yield from (
            org["name"]
            for org in answer.get("orgs", ())
            if org.get("roleInOrg") in {"admin", "write", "contributor"}
        )
    fine = token.get("fineGrained", {})
    if _WRITE in fine.get("global", ()):
        yield answer["name"]
    for scope in fine.get("scoped", ()):
        if _WRITE in scope.get("permissions", ()):
            yield scope["entity"]["name"]
