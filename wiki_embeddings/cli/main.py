"""The command line: a module for each command, or for two that belong together.

A command imports what is slow to load (Dagster, Arrow, Modal's client) when it is called, so that
`--help` answers at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from wiki_embeddings.cli import (
    add,
    cache,
    doctor,
    estimate,
    install,
    prune,
    run,
    search,
    serve,
    standard_output,
    status,
    ui,
)
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    }
)
@click.version_option(package_name="wiki-embeddings")
def cli() -> None:
    """Turn a whole Wikipedia into a published embeddings dataset."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise BadInputError(
            "The working directory no longer exists: change to another one, then call the command "
            "again."
        ) from error


cli.add_command(run.command, "run")
cli.add_command(search.command, "search")
cli.add_command(serve.command, "serve")
cli.add_command(cache.command, "cache")
cli.add_command(add.command, "add")
cli.add_command(add.remove_command, "remove")
cli.add_command(ui.command, "ui")
cli.add_command(prune.command, "prune")
cli.add_command(status.command, "status")
cli.add_command(estimate.command, "estimate")
cli.add_command(doctor.command, "doctor")
cli.add_command(install.command, "install")


def main() -> None:
    """Run the command line; one of our own errors is shown as its message alone."""
    standard_output.prepare()
    try:
        try:
            cli()
        finally:
            standard_output.flush()
    except BrokenPipeError:  # the reader wants no more
        standard_output.discard()
        sys.exit(1)
    except WikiEmbeddingsError as error:
        if isinstance(error, standard_output.OutputError):
            standard_output.discard()
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
