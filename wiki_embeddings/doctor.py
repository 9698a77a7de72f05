"""`wiki-embeddings doctor`: a line for each thing that a run on Modal needs, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from wiki_embeddings.compute.preflight import Finding, findings, hub_token


def examine() -> int:
    """Print what is there and what is missing.

    Returns:
        Exit status: 0 when a run on Modal can begin, else 1.

    Raises:
        WikiEmbeddingsError: Modal cannot be reached.
    """
    console = Console(soft_wrap=True)
    healthy = True
    for finding in _all_findings():
        healthy = healthy and not finding.remedy
        console.print(_line(finding))
    return 0 if healthy else 1


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
