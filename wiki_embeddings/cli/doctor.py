"""`wiki-embeddings doctor`: a line for each thing that a run on Modal needs, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator

import modal
from rich.console import Console
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.compute.modal.calls import answer
from wiki_embeddings.compute.modal.deployment import APP
from wiki_embeddings.compute.modal.preflight import (
    CONTAINER_START_S,
    Finding,
    findings,
    how_to_set_secret,
)
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing.account import HubAccount


def examine() -> int:
    """Print what is there and what is missing, and where runs go from here.

    Returns:
        Exit status: 0 when a run on Modal can begin, else 1.

    Raises:
        BadInputError: A setting of this project has a value that cannot work.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    known = settings.load()
    console = Console(soft_wrap=True)
    healthy = True
    with console.status("Asking Modal …"):  # a container may have to start; shown in terminals only
        for finding in _all_findings(known.hub_namespace):
            healthy = healthy and not finding.remedy
            console.print(_line(finding), highlight=False)
    if not healthy:
        return 1
    console.print(_closing(known.compute), highlight=False, markup=False)
    return 0


def _all_findings(namespace: str | None) -> Iterator[Finding]:
    healthy = True
    for finding in findings():
        healthy = healthy and not finding.remedy
        yield finding
    # Only the app's containers have the Hub's token.
    if healthy:
        yield hub_token(namespace)


def hub_token(namespace: str | None) -> Finding:
    """What the Hugging Face token in the secret may do, asked in a container, which alone has it.

    Args:
        namespace: The namespace on the Hub that is published to; None if nothing is published.
    """
    what = "Hugging Face token in the secret"
    asking = modal.Function.from_name(APP, "hub_account")
    try:
        account: HubAccount = answer(
            asking, "ask the Hub about its token", within_s=CONTAINER_START_S
        )
    except WikiEmbeddingsError as error:
        return Finding(what, "not known", str(error))
    if account.problem:
        return Finding(what, account.problem, how_to_set_secret("create --force", namespace))
    reads = "may only read" if namespace else "may read, which is all that a run needs"
    writes = ", ".join(account.write_scopes)
    permissions = f"may write to {writes}" if writes else reads
    found = f"{account.name}'s ({account.role}), {permissions}"
    if namespace is not None and not account.has_write_access(namespace):
        remedy = how_to_set_secret("create --force", namespace)
        return Finding(f"{what}, for {namespace}", found, remedy)
    return Finding(what, found)


def _line(finding: Finding) -> Text:
    mark, style = ("✗", "red") if finding.remedy else ("✓", "green")
    return Text.assemble(
        (f"{mark} ", style),
        (finding.what, "bold"),
        f": {finding.found}. {finding.remedy}".rstrip(),
    )


def _closing(chosen: settings.ComputeKind) -> str:
    if chosen == "modal":
        return "Ready: runs from here go to Modal."
    return "Ready. Runs from here stay on this machine until WIKI_EMBEDDINGS_COMPUTE=modal is set."
