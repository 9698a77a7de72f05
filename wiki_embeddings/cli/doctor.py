"""`wiki-embeddings doctor`: one line for each thing that a run on Modal needs, with its remedy."""

from __future__ import annotations

import sys
from collections.abc import Set
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.compute.modal.prices import GPUS_AT_ONCE
from wiki_embeddings.errors import WikiEmbeddingsError

if TYPE_CHECKING:
    from wiki_embeddings.compute.modal.preflight import Check, Finding
    from wiki_embeddings.compute.modal.workspace import Workspace
    from wiki_embeddings.publishing.account import HubAccount


@click.command()
def command() -> None:
    """Check what a run on Modal needs: token, secret, volume, app, version, Hub permissions."""
    sys.exit(examine())


def examine() -> int:
    """Print all findings, and where runs from here go.

    What cannot be asked because of an earlier finding is left out.

    Returns:
        Exit status: 0 if a run on Modal can begin, else 1.

    Raises:
        BadInputError: A setting of this project has an invalid value.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    from wiki_embeddings.compute.modal import preflight  # loads Modal's client
    from wiki_embeddings.compute.modal.workspace import Workspace

    workspace = Workspace()
    configured = settings.load()
    console = Console(soft_wrap=True)
    check_hub = partial(check_hub_token, configured.hub_namespace)
    token, secret, app = preflight.check_token, preflight.check_secret, preflight.check_app
    checks: dict[Check, Set[Check]] = {**preflight.CHECKS, check_hub: {token, secret, app}}
    failed: set[Check] = set()
    with console.status("Asking Modal …"):  # a container may have to start; shown in terminals only
        for check, needed in checks.items():
            if check in failed or failed & needed:
                continue
            try:
                finding = check(workspace)
            except WikiEmbeddingsError as error:
                if check is token:  # nothing else can be asked
                    raise
                console.print(Text.assemble(("✗ ", "red"), str(error)))
                # If one container gives no answer, another one would not either.
                failed |= {check, check_hub} if check is preflight.check_version else {check}
                continue
            console.print(_line(finding), highlight=False)
            if finding.remedy:
                failed.add(check)
    if failed:
        return 1
    console.print(_conclusion(configured.compute), highlight=False, markup=False)
    return 0


def check_hub_token(namespace: str | None, workspace: Workspace) -> Finding:
    """Check the Hugging Face token in the secret; asks a container, as only these have it.

    Args:
        namespace: The namespace on the Hub to publish to; None if nothing is published.
        workspace: Has the app.
    """
    from wiki_embeddings.compute.modal.calls import call_remote
    from wiki_embeddings.compute.modal.preflight import (
        CONTAINER_START_S,
        Finding,
        how_to_set_secret,
    )

    subject = "Hugging Face token in the secret"
    try:
        account: HubAccount = call_remote(
            workspace.function("hub_account"),
            "ask the Hub about its token",
            timeout_s=CONTAINER_START_S,
        )
    except WikiEmbeddingsError as error:
        return Finding(subject, "not known", str(error))
    if account.problem:
        return Finding(subject, account.problem, how_to_set_secret("create --force", namespace))
    reads = "may only read" if namespace else "may read, which is all that a run needs"
    writes = ", ".join(account.write_scopes)
    permissions = f"may write to {writes}" if writes else reads
    state = f"{account.name}'s ({account.role}), {permissions}"
    if namespace is not None and not account.has_write_access(namespace):
        remedy = how_to_set_secret("create --force", namespace)
        return Finding(f"{subject}, for {namespace}", state, remedy)
    return Finding(subject, state)


def _line(finding: Finding) -> Text:
    symbol, style = ("✗", "red") if finding.remedy else ("✓", "green")
    return Text.assemble(
        (f"{symbol} ", style),
        (finding.subject, "bold"),
        f": {finding.state}. {finding.remedy}".rstrip(),
    )


def _conclusion(compute: settings.ComputeKind) -> str:
    if compute == "modal":
        plans = ", ".join(f"{count} on {plan}" for plan, count in GPUS_AT_ONCE.items())
        return (
            f"Ready: runs from here go to Modal. Its plans limit the GPUs at once ({plans}): where "
            "a run asks for more, the others wait."
        )
    return "Ready. Runs from here stay on this machine until WIKI_EMBEDDINGS_COMPUTE=modal is set."
