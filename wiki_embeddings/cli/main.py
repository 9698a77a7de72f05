"""The command line: `run`, `search`, `ui`, `estimate` and `doctor`, each in a module of its own.

A command imports what is slow to load (Dagster, Arrow, Modal's client) when it is called, so that
`--help` answers at once.
"""

from __future__ import annotations

import sys

import click

from wiki_embeddings.cli import doctor, estimate, run, search, ui
from wiki_embeddings.errors import WikiEmbeddingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="wiki-embeddings")
def cli() -> None:
    """Turn a whole Wikipedia into a published embeddings dataset."""


cli.add_command(run.command, "run")
cli.add_command(search.command, "search")
cli.add_command(ui.command, "ui")
cli.add_command(estimate.command, "estimate")
cli.add_command(doctor.command, "doctor")


def main() -> None:
    """Run the command line; one of our own errors is shown as its message alone."""
    try:
        cli()
    except WikiEmbeddingsError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
