"""`wiki-embeddings cache`: says what searches have kept on this machine, and removes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from wiki_embeddings import settings


@click.group(invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Show what searches keep on this machine of datasets that are elsewhere."""
    if context.invoked_subcommand is None:
        for what, paths in _kept(settings.load().home).items():
            click.echo(f"{_megabytes(paths)}  {what}")
        click.echo("`wiki-embeddings cache clear` removes it; later searches fetch it again.")


@command.command("clear")
def clear_command() -> None:
    """Remove it; what the stages have made and the models stay."""
    kept = _kept(settings.load().home)
    size = _megabytes([path for paths in kept.values() for path in paths])
    for paths in kept.values():
        for path in paths:
            _remove(path)
    click.echo(f"Removed {size}.")


def _kept(home: Path) -> dict[str, list[Path]]:
    """Give the files and folders that a search has made, by what is in them."""
    from wiki_embeddings.search.range_cache import CACHE_FILE, stored_files

    datasets = home / "datasets"
    folders = sorted(datasets.iterdir()) if datasets.is_dir() else []
    return {
        f"of indexes, in {home / CACHE_FILE}": stored_files(home / CACHE_FILE),
        f"of datasets without an index, in {datasets}": folders,
    }


def _megabytes(paths: list[Path]) -> str:
    files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    return f"{sum(file.stat().st_size for file in files) / 1e6:,.1f} MB"


def _remove(path: Path) -> None:
    from wiki_embeddings.volume import translate_storage_errors

    with translate_storage_errors(path.parent):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
