"""`wiki-embeddings prune`: says which old outputs may go, asks, and removes them."""

from __future__ import annotations

import sys

import click

from wiki_embeddings import settings
from wiki_embeddings.volume import MiB


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
def command(dry_run: bool, yes: bool) -> None:
    """Remove old outputs from the volume, after saying which.

    Of each wiki, model and fraction, the last two complete outputs of each stage stay, with all
    that they were made from; incomplete ones go when nothing was written to them for a day.
    """
    from wiki_embeddings import pruning
    from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
    from wiki_embeddings.defs.pruning_job import counted, current_outputs, describe
    from wiki_embeddings.defs.resources import ComputeResource

    known = settings.load()
    compute = ComputeResource(kind=known.compute, volume=str(known.volume)).open()
    with instance.opened(instance.prepare(known)) as record:
        current = sorted(current_outputs(record))
    plan = compute.call(pruning.plan_pruning, current)
    for line in describe(plan):
        click.echo(line)
    if dry_run or not plan.removals:
        return
    if not yes:
        if not sys.stdin.isatty():
            click.echo("Nothing was removed: --yes removes it without asking.")
            return
        click.confirm("Remove them?", abort=True)
    folders = [removal.folder for removal in plan.removals]
    removed = compute.change(pruning.prune, current, folders)
    size = sum(removal.bytes for removal in removed) / MiB
    click.echo(f"Removed {counted(len(removed), 'output')}, {size:,.1f} MiB.")
