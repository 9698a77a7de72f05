"""`wiki-embeddings run`: the whole job for one wiki, with progress bars, then what was made."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.cli.parameters import GPU_TYPE, TEXT

if TYPE_CHECKING:
    import dagster as dg
    from rich.console import RenderableType

_STOPPED = 128 + signal.SIGINT
"""Exit status of a command that was stopped, by the convention of shells."""


@click.command()
@click.option(
    "--wiki", type=TEXT, default=settings.SAMPLE_WIKI, show_default=True, help="Which Wikipedia."
)
@click.option(
    "--source",
    type=click.Choice(["auto", "dump", "hub"]),
    help="Where the articles come from: Wikimedia's exports, or a dataset on the Hub.",
)
@click.option(
    "--snapshot",
    type=TEXT,
    help="Date of the export or edition, such as 20261101; by default the newest.",
)
@click.option("--hub-dataset", type=TEXT, help="With --source hub: the dataset, as namespace/name.")
@click.option("--hub-revision", type=TEXT, help="With --source hub: its branch, tag or commit.")
@click.option("--fraction", type=float, help="Share of the articles, such as 0.01 for a dry run.")
@click.option(
    "--max-missing-share",
    type=float,
    help="Largest share of the earlier snapshot's articles that may be gone.",
)
@click.option(
    "--required-titles",
    type=TEXT,
    help="A text file with titles of articles that must be there, one a line.",
)
@click.option(
    "--articles-per-shard", type=int, help="Mean number of articles in a shard, the unit of work."
)
@click.option("--model", type=TEXT, help="Embedding model: a name on the Hub or a folder.")
@click.option(
    "--allow-english-model",
    is_flag=True,
    default=None,
    help="Accept a model that reads English only for an edition in another language.",
)
@click.option("--token-budget", type=int, help="Most tokens in a chunk.")
@click.option(
    "--title-prefix/--no-title-prefix",
    default=None,
    help="Put the article's title in front of each chunk.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "cpu", "cuda", "tei"]),
    help="Engine that computes the vectors.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "float16", "int8"]),
    help="Number format to compute in.",
)
@click.option(
    "--private",
    is_flag=True,
    default=None,
    help="On the Hub: create the dataset's repository as a private one.",
)
@click.option(
    "--replace-existing",
    is_flag=True,
    default=None,
    help="On the Hub: replace a dataset of that name that this project has not published.",
)
@click.option("--containers", type=int, help="On Modal: most containers at once.")
@click.option(
    "--gpu",
    type=GPU_TYPE,
    help="On Modal: GPU of each container that computes vectors, such as H100.",
)
@click.option(
    "--deadline-minutes",
    type=float,
    help="On Modal: give up after so many minutes in which no shard finished.",
)
@click.option(
    "--max-dollars",
    type=click.FloatRange(min=0, min_open=True),
    help="On Modal: stop once the containers of the maps have cost so much.",
)
def command(wiki: str, **options: Any) -> None:
    """Materialize all four assets of a wiki, and show what was made and where.

    The stages run on this machine, or on Modal if WIKI_EMBEDDINGS_COMPUTE is modal. The dataset is
    published on the Hugging Face Hub if WIKI_EMBEDDINGS_HUB_NAMESPACE is set.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    with _stoppable():
        sys.exit(run(wiki, chosen))


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does, with a sentence instead of a traceback."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "Stopped. What is finished is kept: the same command continues from there.", err=True
        )
        sys.exit(_STOPPED)


def run(wiki: str, options: Mapping[str, Any]) -> int:
    """Run the job and print its results.

    Args:
        wiki: The partition.
        options: Config fields by name.

    Returns:
        Exit status: 0 if everything was materialized and every check passed, else 1.

    Raises:
        WikiEmbeddingsError: See `run_job`.
        KeyboardInterrupt: The process was told to stop; the run is recorded as failed.
    """
    from rich.console import Console  # these load Dagster, which takes a second

    from wiki_embeddings.cli.progress_bars import ProgressBars
    from wiki_embeddings.definitions import defs
    from wiki_embeddings.defs.run_job import run_job

    console = Console()
    with ProgressBars(console) as bars:
        result = run_job(defs, wiki, options, settings.load(), bars)
    if any(result.asset_materializations_for_node(asset) for asset in ASSET_KEYS):
        console.print(_summary(wiki, result))
        checks = result.get_asset_check_evaluations()
        console.print(f"{sum(check.passed for check in checks)} of {len(checks)} checks passed.")
    for failure in _failures(result):
        Console(stderr=True, soft_wrap=True).print(
            f"Error: {failure}", markup=False, highlight=False
        )
    return 0 if result.success else 1


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if not event.is_step_failure:
            continue
        failure = event.step_failure_data
        if failure.user_failure_data is not None:
            yield f"{event.step_key}: {failure.user_failure_data.description}"
        elif failure.error is not None and "AssetCheckFailed" not in (failure.error.cls_name or ""):
            yield f"{event.step_key}: {failure.error.to_string()}"
    for check in result.get_asset_check_evaluations():
        if not check.passed:
            yield f"{check.asset_key.to_user_string()}: {check.check_name}: {check.description}"


def _summary(wiki: str, result: dg.ExecuteInProcessResult) -> RenderableType:
    """Build a table of what was made, and below it where; a path is too long for a column."""
    from rich.box import SIMPLE
    from rich.console import Group
    from rich.table import Table

    made = Table(title=f"Wikipedia {wiki!r}", title_justify="left", box=SIMPLE)
    for heading in ("asset", "rows", "files", "MiB", "took"):
        made.add_column(heading, justify="left" if heading == "asset" else "right")
    locations = Table(box=None, show_header=False, padding=(0, 1))
    locations.add_column()
    locations.add_column(overflow="fold")
    for asset in ASSET_KEYS:
        for materialization in result.asset_materializations_for_node(asset):
            value = {name: entry.value for name, entry in materialization.metadata.items()}
            made.add_row(
                asset,
                f"{value['dagster/row_count']:,}",
                f"{value['files']:,}",
                f"{value['size_mib']:,.1f}",
                str(value["duration"]),
            )
            locations.add_row(asset, _location(value))
    return Group(made, locations)


def _location(metadata: Mapping[str, Any]) -> str:
    """Where people find an asset's output: on the Hub, or in a folder, relative if it is below."""
    if "hub" in metadata:
        return str(metadata["hub"])
    path = Path(str(metadata.get("dataset", metadata["path"])))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
