"""`wiki-embeddings run`: the whole job for one wiki, with progress bars, then what was made."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from wiki_embeddings import settings
from wiki_embeddings.cli.parameters import GPU_TYPE, TEXT
from wiki_embeddings.host import duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from wiki_embeddings.cli.run_report import RunReport

_STOPPED = 128 + signal.SIGINT
"""Exit status of a command that was stopped, by the convention of shells."""


@click.command()
@click.option("--wiki", type=TEXT, default=settings.SAMPLE_WIKI, help="Which Wikipedia.")
@click.option(
    "--source",
    type=click.Choice(["auto", "dump", "hub"]),
    show_default="auto",
    help="Where the articles come from: Wikimedia's exports, or a dataset on the Hub.",
)
@click.option(
    "--snapshot",
    type=TEXT,
    show_default="newest",
    help="Date of the export or edition, such as 20261101.",
)
@click.option(
    "--hub-dataset",
    type=TEXT,
    show_default="wikimedia/wikipedia",
    help="With --source hub: the dataset, as namespace/name.",
)
@click.option(
    "--hub-revision",
    type=TEXT,
    show_default="auto, a pinned commit",
    help="With --source hub: its branch, tag or commit.",
)
@click.option(
    "--fraction",
    type=float,
    show_default="1.0",
    help="Share of the articles, such as 0.01 for a dry run.",
)
@click.option(
    "--max-missing-share",
    type=float,
    show_default="0.01",
    help="Largest share of the earlier snapshot's articles that may be gone.",
)
@click.option(
    "--required-titles",
    type=TEXT,
    show_default="none",
    help="A text file with titles of articles that must be there, one a line.",
)
@click.option(
    "--articles-per-shard",
    type=int,
    show_default="4096",
    help="Mean number of articles in a shard, the unit of work. The sample's default is 8.",
)
@click.option(
    "--model",
    type=TEXT,
    show_default="auto, by language",
    help="Embedding model: a name on the Hub or a folder.",
)
@click.option(
    "--allow-english-model",
    is_flag=True,
    default=None,
    show_default="refused",
    help="Accept a model that reads English only for an edition in another language.",
)
@click.option("--token-budget", type=int, show_default="256", help="Most tokens in a chunk.")
@click.option(
    "--title-prefix/--no-title-prefix",
    default=None,
    show_default="title-prefix",
    help="Put the article's title in front of each chunk.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "cpu", "cuda", "tei"]),
    show_default="auto",
    help="Engine that computes the vectors.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16", "float16", "int8"]),
    show_default="auto",
    help="Number format to compute in.",
)
@click.option(
    "--index/--no-index",
    default=None,
    callback=lambda _context, _option, value: {True: "on", False: "off"}.get(value),
    show_default="auto, above 100,000 chunks",
    help="Make an index for `search`.",
)
@click.option(
    "--private",
    is_flag=True,
    default=None,
    show_default="public",
    help="On the Hub: create the dataset's repository as a private one.",
)
@click.option(
    "--replace-existing",
    is_flag=True,
    default=None,
    show_default="refused",
    help="On the Hub: replace a dataset of that name that this project has not published.",
)
@click.option(
    "--containers", type=int, show_default="50", help="On Modal: most containers at once."
)
@click.option(
    "--gpu",
    type=GPU_TYPE,
    show_default="A10",
    help="On Modal: GPU of each container that computes vectors, such as H100.",
)
@click.option(
    "--deadline-minutes",
    type=float,
    show_default="30, for articles 180",
    help="On Modal: give up after so many minutes in which no shard finished.",
)
@click.option(
    "--max-dollars",
    type=click.FloatRange(min=0, min_open=True),
    show_default="no limit",
    help="On Modal: stop once the containers of the maps have cost so much.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(wiki: str, *, as_json: bool, **options: Any) -> None:
    """Materialize all four assets of a wiki, and show what was made and where.

    The stages run on this machine, or on Modal if WIKI_EMBEDDINGS_COMPUTE is modal. The dataset is
    published on the Hugging Face Hub if WIKI_EMBEDDINGS_HUB_NAMESPACE is set.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    with _stoppable():
        sys.exit(run(wiki, chosen, as_json=as_json))


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


def run(wiki: str, options: Mapping[str, Any], *, as_json: bool = False) -> int:
    """Run the job and print its results.

    Args:
        wiki: The partition.
        options: Config fields by name.
        as_json: True to print JSON, and nothing else on standard output.

    Returns:
        Exit status: 0 if everything was materialized and every check passed, else 1.

    Raises:
        WikiEmbeddingsError: See `run_job`.
        KeyboardInterrupt: The process was told to stop; the run is recorded as failed.
    """
    from rich.console import Console  # these load Dagster, which takes a second

    from wiki_embeddings.cli.progress_bars import ProgressBars
    from wiki_embeddings.cli.run_report import report_of, to_json
    from wiki_embeddings.definitions import defs
    from wiki_embeddings.defs.run_job import run_job

    console = Console(stderr=as_json)
    with ProgressBars(console) as bars, _waiting_told(console):
        result = run_job(defs, wiki, options, settings.load(), bars)
    report = report_of(wiki, result)
    if as_json:
        click.echo(to_json(report))
    elif report.assets:
        console.print(_summary(report))
        passed = sum(check.passed for check in report.checks)
        console.print(f"{passed} of {len(report.checks)} checks passed.")
    said = [f"Warning: {warning}" for warning in report.warnings]
    said += [f"Error: {error}" for error in report.errors]
    for sentence in said:
        Console(stderr=True, soft_wrap=True).print(sentence, markup=False, highlight=False)
    return 0 if report.success else 1


@contextmanager
def _waiting_told(console: Console) -> Iterator[None]:
    """Print what the run waits for; its bars stand still meanwhile."""
    from wiki_embeddings.defs import pools

    log = logging.getLogger(pools.__name__)
    handler = logging.Handler()
    handler.emit = lambda record: console.print(  # type: ignore[method-assign]
        record.getMessage(), markup=False, highlight=False, soft_wrap=True
    )
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _summary(report: RunReport) -> RenderableType:
    """Build a table of what was made, and below it where; a path is too long for a column."""
    from rich.box import SIMPLE
    from rich.console import Group
    from rich.table import Table

    made = Table(title=f"Wikipedia {report.wiki!r}", title_justify="left", box=SIMPLE)
    for heading in ("asset", "rows", "files", "MiB", "took"):
        made.add_column(heading, justify="left" if heading == "asset" else "right")
    locations = Table(box=None, show_header=False, padding=(0, 1))
    locations.add_column()
    locations.add_column(overflow="fold")
    for asset in report.assets:
        made.add_row(
            asset.asset,
            f"{asset.rows:,}",
            f"{asset.files:,}",
            f"{asset.size_mib:,.1f}",
            duration(asset.seconds),
        )
        locations.add_row(asset.asset, asset.place)
    return Group(made, locations)
