"""The command line: `run`, `search`, `ui`, `estimate`, `doctor`; runs share the UI's instance."""

from __future__ import annotations

import sys
from typing import Any

import click

from wiki_embeddings.cli import run, search, ui
from wiki_embeddings.errors import WikiEmbeddingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wiki-embeddings")
def cli() -> None:
    """Turn a whole Wikipedia into a published embeddings dataset."""


cli.add_command(run.command, "run")
cli.add_command(search.command, "search")
cli.add_command(ui.command, "ui")


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
