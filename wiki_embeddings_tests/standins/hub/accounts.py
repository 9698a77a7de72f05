"""The tokens and accounts of the local Hub, and the answer of `/api/whoami-v2`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TOKEN = "hf_token_of_the_local_hub"
"""The one token that opens private and gated repositories. It may read."""

BLOCKED_TOKEN = "hf_token_without_access"
"""A valid token of an account that may read nothing private or gated."""

WRITE_TOKEN = "hf_token_that_may_write"
"""May write where its user may: to his own repositories, and to those of some organisations."""

FINE_GRAINED_TOKEN = "hf_token_with_scopes"
"""May write to one organisation and one repository, and read what is its user's."""

SILENT_TOKEN = "hf_token_that_may_write_but_not_discuss"
"""Fine-grained too: may write to one organisation, but neither open nor merge pull requests."""

LONG_AGO = "2024-01-01T00:00:00.000Z"
_PERIOD_END = 1735689600


@dataclass(frozen=True)
class Account:
    """A user, and the permissions of one token.

    Attributes:
        name: User name.
        role: Role of the token.
        orgs: The user's role in each organisation.
        scopes: For a fine-grained token: type, name and permissions of each scope.
        may_discuss: True if it may take part in discussions, and so in pull requests.
    """

    name: str
    role: str = "read"
    orgs: tuple[tuple[str, str], ...] = ()
    scopes: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    may_discuss: bool = True


ACCOUNTS = {
    TOKEN: Account("ada"),
    BLOCKED_TOKEN: Account("boole"),
    WRITE_TOKEN: Account(
        "cantor",
        "write",
        orgs=(
            ("set-theory", "admin"),
            ("halle", "contributor"),
            ("crelle", "write"),
            ("berlin", "read"),
        ),
    ),
    FINE_GRAINED_TOKEN: Account(
        "dedekind",
        "fineGrained",
        orgs=(("cuts", "admin"),),
        scopes=(
            ("user", "dedekind", ("repo.content.read",)),
            ("org", "cuts", ("repo.content.read", "repo.write")),
            ("dataset", "gauss/letters", ("repo.content.read", "repo.write")),
        ),
    ),
    SILENT_TOKEN: Account(
        "frege",
        "fineGrained",
        orgs=(("cuts", "admin"),),
        scopes=(("org", "cuts", ("repo.content.read", "repo.write")),),
        may_discuss=False,
    ),
}


def whoami(account: Account) -> dict[str, Any]:
    """The answer of `whoami` for an account, in the real Hub's shape for users."""
    access_token: dict[str, Any] = {
        "displayName": "tests",
        "role": account.role,
        "createdAt": LONG_AGO,
    }
    if account.role == "fineGrained":
        access_token["fineGrained"] = {
            "canReadGatedRepos": False,
            "global": ["discussion.write"] if account.may_discuss else [],
            "scoped": [
                {
                    "entity": {"_id": "0" * 24, "type": kind, "name": name},
                    "permissions": list(permissions),
                }
                for kind, name, permissions in account.scopes
            ],
        }
    return {
        **_entity("user", account.name),
        "emailVerified": True,
        "isPro": False,
        "orgs": [
            {**_entity("org", name), "roleInOrg": role, "isEnterprise": False}
            for name, role in account.orgs
        ],
        "auth": {"type": "access_token", "accessToken": access_token},
    }


def _entity(kind: str, name: str) -> dict[str, Any]:
    return {
        "type": kind,
        "id": "0" * 24,
        "name": name,
        "fullname": name.title(),
        "canPay": False,
        "periodEnd": _PERIOD_END,
        "avatarUrl": f"/avatars/{name}.svg",
    }
