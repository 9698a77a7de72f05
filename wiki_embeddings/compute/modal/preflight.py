"""What a run on Modal needs, asked before anything runs: token, secret, volume, app, version.

Each question that finds something missing answers with the command that mends it. A run stops at
the first; `wiki-embeddings doctor` shows them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import modal

from wiki_embeddings.compute.modal.calls import answer
from wiki_embeddings.compute.modal.code_version import code_version
from wiki_embeddings.compute.modal.deployment import APP, DEPLOY, SECRET, SECRET_KEY, VOLUME
from wiki_embeddings.compute.modal.errors import HOW_TO_SIGN_IN, translate_modal_errors
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

_GREETING_S = 10.0
"""Modal answers within a second; its client alone would try for a minute to reach it."""

CONTAINER_START_S = 300.0
"""The first container may have to fetch its image; after this long, it cannot start."""


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
    _accepted(_configured("server_url"), _configured("token_id"), _configured("environment"))


@cache
def _accepted(server: str, token_id: str, environment: str) -> None:  # noqa: ARG001 (they are the key)
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
    with translate_modal_errors("say whether it knows the token"):
        try:
            asyncio.run(_greet())
        except modal.exception.AuthError:
            return Finding(what, _refused(), HOW_TO_SIGN_IN)
        except modal.exception.InvalidError as error:  # profiles that contradict each other
            found = str(error).partition("\n")[0].rstrip(".")
            return Finding(what, found, "Run `modal profile list`, then `modal profile activate`.")
        except TimeoutError:
            raise WikiEmbeddingsError(
                f"Modal cannot be reached: there was no answer within {_GREETING_S:.0f} s. Look "
                "at the network and at https://status.modal.com, and try again."
            ) from None
    name = _configured("token_id")
    return Finding(what, f"accepted ({name[:7]}…)" if name else "accepted")


def secret() -> Finding:
    """Whether there is a secret with a Hugging Face token."""
    what = f"Modal secret {SECRET}"
    with translate_modal_errors(f"look up the {what}"):
        if not _exists(modal.Secret.from_name(SECRET)):
            return Finding(what, "missing", how_to_set_secret("create"))
        if not _fits(modal.Secret.from_name(SECRET, required_keys=[SECRET_KEY])):
            return Finding(what, f"without {SECRET_KEY}", how_to_set_secret("create --force"))
    return Finding(what, "there")


def volume() -> Finding:
    """Whether there is a volume, of the version that many containers can write to."""
    what = f"Modal volume {VOLUME}"
    with translate_modal_errors(f"look up the {what}"):
        if not _exists(modal.Volume.from_name(VOLUME)):
            return Finding(what, "missing", f"Run `{DEPLOY}`, which creates it.")
        if not _fits(modal.Volume.from_name(VOLUME, version=2)):
            remedy = f"Run `modal volume rename {VOLUME} {VOLUME}-v1`, then `{DEPLOY}`."
            return Finding(what, "of version 1, where few containers can write at once", remedy)
    return Finding(what, "there")


def app() -> Finding:
    """Whether the app is deployed."""
    what = f"Modal app {APP}"
    with translate_modal_errors(f"look up the {what}"):
        if not _exists(_handshake()):
            return Finding(what, "not deployed", f"Run `{DEPLOY}`.")
    return Finding(what, "there")


def version() -> Finding:
    """Whether the deployed app is this version of the code."""
    what = "Version of the deployed app"
    deployed = answer(
        _handshake(), "ask the deployed app for its version", within_s=CONTAINER_START_S
    )
    if deployed == code_version():
        return Finding(what, f"{deployed}, as here")
    found = f"{deployed}, but the code here is {code_version()}"
    return Finding(what, found, f"Run `{DEPLOY}` again.")


QUESTIONS: tuple[Callable[[], Finding], ...] = (token, secret, volume, app, version)
"""In this order, because none can be answered where one before it fails."""


async def _greet() -> None:
    """Let Modal say that it knows the token."""
    async with asyncio.timeout(_GREETING_S):
        client = await modal.Client.from_env.aio()
        await client.hello.aio()  # type: ignore[no-untyped-call]  # as Modal declares it


def _refused() -> str:
    """What is wrong with a token that Modal's client or server refuses."""
    there = [name for name in ("token_id", "token_secret") if _configured(name)]
    if not there:
        return "missing"
    return "not accepted by Modal" if len(there) == 2 else f"incomplete, there is only {there[0]}"


def _configured(name: str) -> str:
    """A setting of Modal's client, from its variable or its file; empty without."""
    return str(modal.config.config[name] or "")


def how_to_set_secret(command: str, namespace: str | None = None) -> str:
    """The command that stores a Hugging Face token in the secret, as a sentence.

    Args:
        command: `create`, or `create --force` to replace the token.
        namespace: The namespace on the Hub that is published to; None where it is not known.
    """
    rights = (
        f"it must be able to write to {namespace}."
        if namespace
        else "one that may only read is enough unless you publish."
    )
    return (
        f"Run `modal secret {command} {SECRET} {SECRET_KEY}=hf_…` with a token from "
        f"https://huggingface.co/settings/tokens; {rights}"
    )


def _handshake() -> modal.Function:
    return modal.Function.from_name(APP, "handshake")


def _exists(
    handle: modal.Secret | modal.Volume | modal.Function,
    unless: tuple[type[Exception], ...] = (modal.exception.NotFoundError,),
) -> bool:
    """Whether Modal has something."""
    try:
        handle.hydrate()
    except unless:
        return False
    return True


def _fits(handle: modal.Secret | modal.Volume) -> bool:
    """Whether what Modal has is of the kind that is asked for."""
    return _exists(handle, (modal.exception.NotFoundError, modal.exception.InvalidError))
