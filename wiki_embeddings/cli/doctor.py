"""`wiki-embeddings doctor`: a line for each thing that a run on Modal needs, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.compute.modal.preflight import Finding, findings, hub_token


def examine() -> int:
    """Print what is there and what is missing, and where runs go from here.

    Returns:
        Exit status: 0 when a run on Modal can begin, else 1.

    Raises:
        BadInputError: A setting of this project has a value that cannot work.
        WikiEmbeddingsError: Modal cannot be reached.
    """
    chosen = settings.load().compute
    console = Console(soft_wrap=True)
    healthy = True
    with console.status("Asking Modal …"):  # a container may have to start; shown in terminals only
        for finding in _all_findings():
            healthy = healthy and not finding.remedy
            console.print(_line(finding), highlight=False)
    if not healthy:
        return 1
    console.print(_closing(chosen), highlight=False, markup=False)
    return 0


def _all_findings() -> Iterator[Finding]:
    healthy = True
    for finding in findings():
        healthy = healthy and not finding.remedy
        yield finding
    # Only the app's containers have the Hub's token.
    if healthy:
        yield hub_token()


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
