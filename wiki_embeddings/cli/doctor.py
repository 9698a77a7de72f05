"""`wiki-embeddings doctor`: one line for each thing that a run needs, with its remedy."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import click
from rich.console import Console
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.cli.local_checks import local_checks
from wiki_embeddings.compute.findings import Check, Finding
from wiki_embeddings.compute.modal.prices import GPUS_AT_ONCE
from wiki_embeddings.errors import WikiEmbeddingsError

if TYPE_CHECKING:
    from wiki_embeddings.compute.modal.workspace import Workspace
    from wiki_embeddings.publishing.account import HubAccount

_HUB_TOKEN = "Hugging Face token"  # noqa: S105 (a name)

Status: TypeAlias = Literal["ok", "failed", "not asked"]

_SYMBOLS: Mapping[Status, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "failed": ("✗", "red"),
    "not asked": ("–", "yellow"),
}


@dataclass(frozen=True)
class Line:
    """One line of the result.

    Attributes:
        subject: What was checked.
        status: Whether all is well; `not asked` if something else comes first.
        state: Its state.
        remedy: What to do about it; empty if there is nothing to do.
    """

    subject: str
    status: Status
    state: str
    remedy: str = ""


@click.command()
@click.option(
    "--compute",
    type=click.Choice(["local", "modal"]),
    show_default="WIKI_EMBEDDINGS_COMPUTE, else local",
    help="Where the run shall be: on this machine, or on Modal.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def command(compute: settings.ComputeKind | None, as_json: bool) -> None:
    """Check what a run needs, a line each, with what to do about it.

    On this machine: a folder with room, Dagster's record, the sample's files, the engine. On Modal:
    token, secret, volume and app, and the app's version. With a namespace to publish to, whether
    the Hugging Face token may write there.
    """
    sys.exit(examine(compute, as_json=as_json))


def examine(compute: settings.ComputeKind | None = None, *, as_json: bool = False) -> int:
    """Print all findings, and where runs from here go.

    Args:
        compute: Where the run shall be; None for where runs from here go.
        as_json: True to print JSON.

    Returns:
        Exit status: 0 if such a run can begin, else 1.

    Raises:
        BadInputError: A setting of this project has an invalid value.
    """
    known = settings.load()
    where = compute or known.compute
    checks = [*local_checks(known, where), *_checks_of(where, known)]
    console = Console(soft_wrap=True)
    lines = []
    with console.status("Looking …"):  # a container may have to start; shown in terminals only
        for line in _lines(checks):
            lines.append(line)
            if not as_json:
                console.print(_text(line), highlight=False)
    is_ready = all(line.status == "ok" for line in lines)
    if as_json:
        found = {"compute": where, "ready": is_ready, "findings": [asdict(line) for line in lines]}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    elif is_ready:
        console.print(_conclusion(where, known.compute), highlight=False, markup=False)
    return 0 if is_ready else 1


def _checks_of(where: settings.ComputeKind, known: settings.Settings) -> list[Check]:
    """List the checks that depend on where the run shall be."""
    namespace = known.hub_namespace
    if where == "local":
        return [Check(_HUB_TOKEN, partial(check_own_hub_token, namespace))] if namespace else []
    from wiki_embeddings.compute.modal import preflight  # loads Modal's client
    from wiki_embeddings.compute.modal.workspace import Workspace

    workspace = Workspace()
    needs = frozenset({preflight.TOKEN_SUBJECT, preflight.SECRET_SUBJECT, preflight.APP_SUBJECT})
    token = Check(
        f"{_HUB_TOKEN} in the secret",
        partial(check_hub_token, namespace, workspace),
        needs,
        # If one container gives no answer, another one would not either.
        needs_answer=frozenset({preflight.VERSION_SUBJECT}),
    )
    return [*preflight.checks(workspace), token]


def _lines(checks: Sequence[Check]) -> Iterator[Line]:
    """Ask everything that can be asked; what cannot is listed, too."""
    failed: list[str] = []
    unanswered: set[str] = set()
    for check in checks:
        lacking = check.needs | (unanswered & check.needs_answer)
        if missing := next((subject for subject in failed if subject in lacking), None):
            failed.append(check.subject)
            unanswered.add(check.subject)
            yield Line(check.subject, "not asked", f"not asked before this is well: {missing}")
            continue
        try:
            finding = check.ask()
        except WikiEmbeddingsError as error:
            failed.append(check.subject)
            unanswered.add(check.subject)
            yield Line(check.subject, "failed", str(error))
            continue
        if finding.remedy:
            failed.append(check.subject)
        status: Status = "failed" if finding.remedy else "ok"
        yield Line(finding.subject, status, finding.state, finding.remedy)


def check_own_hub_token(namespace: str) -> Finding:
    """Check that this machine's Hugging Face token may write to the namespace.

    Raises:
        WikiEmbeddingsError: The Hub cannot be asked.
    """
    from wiki_embeddings.publishing.account import look_up_account

    remedy = (
        "Set HF_TOKEN to a token from https://huggingface.co/settings/tokens that may write to "
        f"{namespace}."
    )
    return _judge(look_up_account(), _HUB_TOKEN, namespace, remedy)


def check_hub_token(namespace: str | None, workspace: Workspace) -> Finding:
    """Check the Hugging Face token in the secret; asks a container, as only these have it.

    Args:
        namespace: The namespace on the Hub to publish to; None if nothing is published.
        workspace: Has the app.

    Raises:
        WikiEmbeddingsError: No container answers.
    """
    from wiki_embeddings.compute.modal.calls import call_remote
    from wiki_embeddings.compute.modal.preflight import CONTAINER_START_S, how_to_set_secret

    account: HubAccount = call_remote(
        workspace.function("hub_account"),
        "ask the Hub about its token",
        timeout_s=CONTAINER_START_S,
    )
    remedy = how_to_set_secret("create --force", namespace)
    return _judge(account, f"{_HUB_TOKEN} in the secret", namespace, remedy)


def _judge(account: HubAccount, subject: str, namespace: str | None, remedy: str) -> Finding:
    if account.problem:
        return Finding(subject, account.problem, remedy)
    reads = "may only read" if namespace else "may read, which is all that a run needs"
    writes = ", ".join(account.write_scopes)
    permissions = f"may write to {writes}" if writes else reads
    state = f"{account.name}'s ({account.role}), {permissions}"
    if namespace is not None and not account.has_write_access(namespace):
        return Finding(f"{subject}, for {namespace}", state, remedy)
    return Finding(subject, state)


def _text(line: Line) -> Text:
    symbol, style = _SYMBOLS[line.status]
    end = "" if line.state.endswith((".", "…")) else "."
    return Text.assemble(
        (f"{symbol} ", style),
        (line.subject, "bold"),
        f": {line.state}{end} {line.remedy}".rstrip(),
    )


def _conclusion(where: settings.ComputeKind, compute: settings.ComputeKind) -> str:
    if where == "local":
        return "Ready for a run on this machine."
    plans = ", ".join(f"{count} on {plan}" for plan, count in GPUS_AT_ONCE.items())
    limits = (
        f"Its plans limit the GPUs at once ({plans}): where a run asks for more, the others wait."
    )
    if compute == "modal":
        return f"Ready: runs from here go to Modal. {limits}"
    return "Ready. Runs from here stay on this machine until WIKI_EMBEDDINGS_COMPUTE=modal is set."
