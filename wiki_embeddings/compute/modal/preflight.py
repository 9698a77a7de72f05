"""What a run on Modal needs, checked before it starts: token, secret, volume, app, version.

Each check that finds something missing names the command that repairs it. A run stops at the first;
`wiki-embeddings doctor` shows them all.
"""

from __future__ import annotations

import asyncio
from functools import cache, partial

import modal

from wiki_embeddings.compute.findings import Check, Finding
from wiki_embeddings.compute.modal.calls import call_remote
from wiki_embeddings.compute.modal.code_version import code_version
from wiki_embeddings.compute.modal.deployment import APP, DEPLOY, SECRET, SECRET_KEY, VOLUME
from wiki_embeddings.compute.modal.errors import HOW_TO_SIGN_IN, translate_modal_errors
from wiki_embeddings.compute.modal.workspace import Workspace
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError

_HELLO_TIMEOUT_S = 10.0
"""Modal answers within a second; its client alone would try for a minute to reach it."""

CONTAINER_START_S = 300.0
"""The first container may have to fetch its image; after this long, it cannot start."""


TOKEN_SUBJECT = "Modal token"  # noqa: S105 (a name)
SECRET_SUBJECT = f"Modal secret {SECRET}"
VOLUME_SUBJECT = f"Modal volume {VOLUME}"
APP_SUBJECT = f"Modal app {APP}"
VERSION_SUBJECT = "Version of the deployed app"


def require_ready() -> Workspace:
    """Make sure that a run on Modal can work, and return what it works with.

    Raises:
        BadInputError: Something is missing; says what to do.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    return _require_ready(
        _configured("server_url"), _configured("token_id"), _configured("environment")
    )


@cache
def _require_ready(
    server: str,  # noqa: ARG001 (a key of the cache, like the others)
    token_id: str,  # noqa: ARG001
    environment: str,  # noqa: ARG001
) -> Workspace:
    """Check once per process: every asset and every asset check of a run asks."""
    workspace = Workspace()
    for check in checks(workspace):
        finding = check.ask()
        if finding.remedy:
            raise BadInputError(f"{finding.subject}: {finding.state}. {finding.remedy}")
    return workspace


def check_token() -> Finding:
    """Check that Modal accepts this machine's token."""
    subject = TOKEN_SUBJECT
    with translate_modal_errors("say whether it knows the token"):
        try:
            asyncio.run(_say_hello())
        except modal.exception.AuthError:
            return Finding(subject, _token_problem(), HOW_TO_SIGN_IN)
        except modal.exception.InvalidError as error:  # profiles that contradict each other
            state = str(error).partition("\n")[0].rstrip(".")
            remedy = "Run `modal profile list`, then `modal profile activate`."
            return Finding(subject, state, remedy)
        except TimeoutError as error:
            raise WikiEmbeddingsError(
                f"Modal cannot be reached: there was no answer within {_HELLO_TIMEOUT_S:.0f} s. "
                "Look at the network and at https://status.modal.com, and try again."
            ) from error
    token_id = _configured("token_id")
    return Finding(subject, f"accepted ({token_id[:7]}…)" if token_id else "accepted")


def check_secret() -> Finding:
    """Check that there is a secret with a Hugging Face token."""
    subject = SECRET_SUBJECT
    with translate_modal_errors(f"look up the {subject}"):
        with_key = modal.Secret.from_name(SECRET, required_keys=[SECRET_KEY])
        if _exists(with_key, modal.exception.InvalidError):
            return Finding(subject, "exists")
        if _exists(modal.Secret.from_name(SECRET)):
            return Finding(subject, f"without {SECRET_KEY}", how_to_set_secret("create --force"))
    return Finding(subject, "missing", how_to_set_secret("create"))


def check_volume(workspace: Workspace) -> Finding:
    """Check that there is a volume, of the version that many containers can write to."""
    subject = VOLUME_SUBJECT
    with translate_modal_errors(f"look up the {subject}"):
        if _exists(workspace.volume, modal.exception.InvalidError):
            return Finding(subject, "exists")
        if _exists(modal.Volume.from_name(VOLUME)):
            remedy = f"Run `modal volume rename {VOLUME} {VOLUME}-v1`, then `{DEPLOY}`."
            return Finding(subject, "of version 1, where few containers can write at once", remedy)
    return Finding(subject, "missing", f"Run `{DEPLOY}`, which creates it.")


def check_app(workspace: Workspace) -> Finding:
    """Check that the app is deployed."""
    subject = APP_SUBJECT
    with translate_modal_errors(f"look up the {subject}"):
        if not _exists(workspace.function("handshake")):
            return Finding(subject, "not deployed", f"Run `{DEPLOY}`.")
    return Finding(subject, "deployed")


def check_version(workspace: Workspace) -> Finding:
    """Check that the deployed app is this version of the code."""
    subject = VERSION_SUBJECT
    deployed = call_remote(
        workspace.function("handshake"),
        "ask the deployed app for its version",
        timeout_s=CONTAINER_START_S,
    )
    if deployed == code_version():
        return Finding(subject, f"{deployed}, as here")
    state = f"{deployed}, but the code here is {code_version()}"
    return Finding(subject, state, f"Run `{DEPLOY}` again.")


def checks(workspace: Workspace) -> tuple[Check, ...]:
    """List the checks in their order."""
    token, app = frozenset({TOKEN_SUBJECT}), frozenset({TOKEN_SUBJECT, APP_SUBJECT})
    return (
        Check(TOKEN_SUBJECT, check_token),
        Check(SECRET_SUBJECT, check_secret, token),
        Check(VOLUME_SUBJECT, partial(check_volume, workspace), token),
        Check(APP_SUBJECT, partial(check_app, workspace), token),
        Check(VERSION_SUBJECT, partial(check_version, workspace), app),
    )


async def _say_hello() -> None:
    """Send a request that fails unless Modal accepts the token."""
    async with asyncio.timeout(_HELLO_TIMEOUT_S):
        client = await modal.Client.from_env.aio()
        await client.hello.aio()  # type: ignore[no-untyped-call]  # as Modal declares it


def _token_problem() -> str:
    """Say what is wrong with a token that Modal's client or server refuses."""
    present = [name for name in ("token_id", "token_secret") if _configured(name)]
    if not present:
        return "missing"
    return "not accepted by Modal" if len(present) == 2 else f"incomplete, only {present[0]} is set"


def _configured(name: str) -> str:
    """Return a setting of Modal's client, from its variable or its file; empty if unset."""
    return str(modal.config.config[name] or "")


def _exists(
    handle: modal.Secret | modal.Volume | modal.Function, *mismatches: type[Exception]
) -> bool:
    """Return True if Modal has the object.

    Args:
        handle: The object.
        mismatches: Exceptions which say that Modal's object is not of the kind asked for.
    """
    absent: tuple[type[Exception], ...] = (modal.exception.NotFoundError, *mismatches)
    try:
        handle.hydrate()
    except absent:
        return False
    return True


def how_to_set_secret(command: str, namespace: str | None = None) -> str:
    """Return a sentence with the command that stores a Hugging Face token in the secret.

    Args:
        command: `create`, or `create --force` to replace the token.
        namespace: The namespace on the Hub to publish to; None if it is not known.
    """
    permission = (
        f"it must be able to write to {namespace}."
        if namespace
        else "a read-only one is enough unless you publish."
    )
    return (
        f"Run `modal secret {command} {SECRET} {SECRET_KEY}=hf_…` with a token from "
        f"https://huggingface.co/settings/tokens; {permission}"
    )
