"""The command line: `run`, `search`, `ui`, `estimate`, `doctor`; runs share the UI's instance."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from wiki_embeddings import settings
from wiki_embeddings.errors import WikiEmbeddingsError

_STOPPED = 128 + signal.SIGINT
"""Exit status of a command that was stopped, as shells have it."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wiki-embeddings")
def cli() -> None:
    """Turn a whole Wikipedia into a published embeddings dataset."""


@cli.command()
@click.option("--wiki", default=settings.SAMPLE_WIKI, show_default=True, help="Which Wikipedia.")
@click.option("--snapshot", help="Date of the edition on the Hub, such as 20231101.")
@click.option("--fraction", type=float, help="Share of the articles, such as 0.01 for a dry run.")
@click.option("--shard-mib", type=float, help="MiB of text in a shard, the unit of work.")
@click.option("--model", help="Embedding model: a name on the Hub or a folder.")
@click.option("--token-budget", type=int, help="Most tokens in a chunk.")
@click.option(
    "--title-prefix/--no-title-prefix",
    default=None,
    help="Put the article's title in front of each chunk.",
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "cpu", "cuda", "tei"]),
    help="What computes the vectors.",
)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "float16", "int8"]),
    help="Numbers to compute with.",
)
@click.option(
    "--private",
    is_flag=True,
    default=None,
    help="On the Hub: make the dataset's repository private, if it has to be made.",
)
@click.option("--containers", type=int, help="On Modal: most containers at once.")
@click.option("--gpu", help="On Modal: GPU of each container that computes vectors, such as A10G.")
@click.option(
    "--deadline-minutes",
    type=float,
    help="On Modal: minutes without any shard finished after which to give up.",
)
def run(wiki: str, **options: Any) -> None:
    """Materialize all four assets of a wiki, and tell what was made and where.

    The stages run on this machine, or on Modal if WIKI_EMBEDDINGS_COMPUTE is modal. The dataset is
    published on the Hugging Face Hub if WIKI_EMBEDDINGS_HUB_NAMESPACE is set.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    with _stoppable():
        from wiki_embeddings.cli import (
            run,  # Dagster takes a second to load: only where it is needed
        )

        sys.exit(run.run(wiki, chosen))


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM stop a run as Ctrl-C does, and tell of either in a sentence."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            "Stopped. What is finished is kept: the same command goes on from there.", err=True
        )
        sys.exit(_STOPPED)


@cli.command()
@click.argument("question")
@click.option("--wiki", default=settings.SAMPLE_WIKI, show_default=True, help="Which Wikipedia.")
@click.option(
    "--dataset",
    metavar="NAME",
    help="Search a published dataset instead of the volume: a folder, or namespace/name on the "
    "Hub. A folder of that name goes before the Hub.",
)
@click.option(
    "--config",
    type=click.Choice(["small", "default"]),
    help="Part of the dataset: 10,000 rows, or all. [default: small on the Hub, all of a folder]",
)
@click.option("--revision", help="Tag, branch or commit of a dataset on the Hub. [default: main]")
@click.option("--yes", is_flag=True, help="Fetch more than 1 GB without asking.")
@click.option(
    "-k", "--count", type=click.IntRange(1, 100), default=3, show_default=True, help="Passages."
)
def search(question: str, **options: Any) -> None:
    """Find the passages that answer QUESTION best.

    What is searched of a dataset on the Hub is fetched once and kept for each commit. Its card
    says which model and prefix the question is embedded with.
    """
    from wiki_embeddings.cli import search  # loads the model's runtime: only where it is needed

    search.show(question, **options)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True)
def ui(host: str, port: int) -> None:
    """Open the Dagster UI, with its daemon for schedules, on the same instance as `run`."""
    from wiki_embeddings.cli import ui

    sys.exit(ui.serve(host, port))


@cli.command()
@click.option("--wiki", default="en", show_default=True, help="Which Wikipedia.")
@click.option("--fraction", type=float, default=1.0, help="Share of the articles.")
@click.option("--characters", type=float, help="Characters of all its articles, if you know.")
@click.option("--articles", type=float, help="Number of all its articles, likewise.")
@click.option("--model", help="Embedding model: a name on the Hub or a folder.")
@click.option("--token-budget", type=int, default=256, show_default=True, help="Tokens in a chunk.")
@click.option(
    "--title-prefix/--no-title-prefix", default=True, help="Put the title in front of each chunk."
)
@click.option("--shard-mib", type=float, help="MiB of text in a shard.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "cpu", "cuda", "tei"]),
    default="auto",
    show_default=True,
    help="What computes the vectors.",
)
@click.option("--gpu", help="On Modal: GPU of each container that computes vectors, such as A10G.")
@click.option("--containers", type=int, help="On Modal: most containers at once.")
@click.option(
    "--cpu-containers", type=int, help="On Modal: the same for the assets that need no GPU."
)
@click.option("--cores", type=int, help="On this machine: processor cores. [default: all]")
@click.option("--utilization", type=float, help="Share of the GPU's half-precision rate reached.")
@click.option(
    "--tokens-per-second",
    "tokens_per_s",
    type=float,
    help="What one container encodes, or this machine, if you have measured it.",
)
@click.option("--json", "for_machines", is_flag=True, help="Print JSON instead of a table.")
def estimate(for_machines: bool, cores: int | None, **options: Any) -> None:
    """Predict time, GPU-hours, dollars and storage of a run, without starting anything.

    With a GPU or a number of containers, or an engine that needs a GPU, the run is taken to be on
    Modal; else on the processor of this machine. Each figure says what it rests on.
    """
    from wiki_embeddings.cli import estimate
    from wiki_embeddings.estimate import RunOptions, predict
    from wiki_embeddings.host import usable_cores

    found = predict(RunOptions(cores=usable_cores() if cores is None else cores, **options))
    if for_machines:
        click.echo(estimate.as_json(found))
    else:
        estimate.show(found)


@cli.command()
def doctor() -> None:
    """Check what a run on Modal needs: token, secret, volume, app, version, Hub permissions."""
    from wiki_embeddings.cli import doctor  # loads Modal's client: only where it is needed

    sys.exit(doctor.examine())


def main() -> None:
    """Run the command line; an error that is meant for people is shown as its sentence alone."""
    try:
        cli()
    except WikiEmbeddingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
