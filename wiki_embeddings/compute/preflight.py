"""What a run on Modal needs, asked before anything runs: token, secret, volume, app, version.

Each question that finds something missing answers with the command that mends it. A run stops at
the first; `wiki-embeddings doctor` shows them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import modal

from wiki_embeddings.compute.cloud import APP, DEPLOY, SECRET, SECRET_KEY, VOLUME
from wiki_embeddings.compute.code_version import code_version
from wiki_embeddings.compute.hub_account import HubAccount
from wiki_embeddings.compute.modal_calls import answer
from wiki_embeddings.compute.modal_errors import HOW_TO_SIGN_IN, explained
from wiki_embeddings.errors import BadInputError


@dataclass(frozen=True)
class Finding:
    """What one question found.

    Attributes:
        what: What was asked about.
        found: What is there, in a few words.
        remedy: What to do about it, with the command; empty where all is well.
    """

    what: str
    found: str
    remedy: str = ""


def refuse_unready() -> None:
    """Make sure that a run on Modal can work.

    Raises:
        BadInputError: Something is missing; says what to do.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    _accepted(modal.config.config["server_url"], modal.config.config["token_id"] or "")


@cache
def _accepted(server: str, token_id: str) -> None:  # noqa: ARG001 (they are the key)
    """Ask once a process: each asset and each check of a run would ask again."""
    for question in QUESTIONS:
        finding = question()
        if finding.remedy:
            raise BadInputError(f"{finding.what}: {finding.found}. {finding.remedy}")


def findings() -> Iterator[Finding]:
    """Ask everything, up to the first answer without which nothing else can be asked.

    Raises:
        WikiEmbeddingsError: Modal cannot be reached.
    """
    for question in QUESTIONS:
        finding = question()
        yield finding
        if finding.remedy and question in (token, app):
            return


def token() -> Finding:
    """Whether Modal knows this machine's token."""
    what = "Modal token"
    try:
        with explained("say whether it knows the token"):
            modal.Client.from_env().hello()
    except BadInputError:
        return Finding(what, "missing, or not accepted", HOW_TO_SIGN_IN)
    name = modal.config.config["token_id"]
    return Finding(what, f"accepted ({name[:7]}…)")


def secret() -> Finding:
    """Whether there is a secret with a Hugging Face token."""
    what = f"Modal secret {SECRET}"
    remedy = f"Run `modal secret create {SECRET} {SECRET_KEY}=hf_…` with a token of yours."
    return _existing(what, modal.Secret.from_name(SECRET, required_keys=[SECRET_KEY]), remedy)


def volume() -> Finding:
    """Whether there is a volume, of the version that many containers can write to."""
    what = f"Modal volume {VOLUME}"
    handle = modal.Volume.from_name(VOLUME, version=2)
    return _existing(what, handle, f"Run `{DEPLOY}`, which creates it.")


def app() -> Finding:
    """Whether the app is deployed."""
    what = f"Modal app {APP}"
    return _existing(what, _handshake(), f"Run `{DEPLOY}`.", missing="not deployed")


def version() -> Finding:
    """Whether the deployed app is this version of the code."""
    what = "Version of the deployed app"
    deployed = answer(_handshake(), "ask the deployed app for its version")
    if deployed == code_version():
        return Finding(what, f"{deployed}, as here")
    found = f"{deployed}, but the code here is {code_version()}"
    return Finding(what, found, f"Run `{DEPLOY}` again.")


def hub_token() -> Finding:
    """What the secret's Hugging Face token may do; asked in a container, which alone has it."""
    what = "Hugging Face token in the secret"
    asking = modal.Function.from_name(APP, "hub_account")
    account: HubAccount = answer(asking, "ask the Hub about its token")
    if not account.name:
        remedy = (
            f"Run `modal secret create --force {SECRET} {SECRET_KEY}=hf_…` with a token from "
            "https://huggingface.co/settings/tokens."
        )
        return Finding(what, "not accepted by the Hub", remedy)
    writes = ", ".join(account.may_write_to)
    permissions = f"may write to {writes}" if writes else "may read, which is all that a run needs"
    return Finding(what, f"{account.name}'s ({account.role}), {permissions}")


QUESTIONS: tuple[Callable[[], Finding], ...] = (token, secret, volume, app, version)
"""In this order, because none can be answered where one before it fails."""


def _handshake() -> modal.Function:
    return modal.Function.from_name(APP, "handshake")


def _existing(
    what: str,
    handle: modal.Secret | modal.Volume | modal.Function,
    remedy: str,
    missing: str = "missing",
) -> Finding:
    with explained(f"look up the {what}"):
        try:
            handle.hydrate()
        except modal.exception.NotFoundError:
            return Finding(what, missing, remedy)
    return Finding(what, "there")
