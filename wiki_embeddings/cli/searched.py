"""What `search` and `serve` search: the options that name it, and opening it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.cli.parameters import TEXT
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.search.nearest import Config
    from wiki_embeddings.search.places import Place
    from wiki_embeddings.search.published_dataset import PublishedConfig
    from wiki_embeddings.search.questions import Index

CONFIRM_ABOVE_BYTES = 1_000_000_000
"""Larger downloads have to be confirmed: more than ten minutes of a slow line, or a full disk."""

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--wiki",
        type=TEXT,
        default=settings.SAMPLE_WIKI,
        show_default=True,
        help="Which Wikipedia.",
    ),
    click.option(
        "--dataset",
        type=TEXT,
        metavar="NAME",
        help="Search a published dataset instead of the volume: a folder, namespace/name on the "
        "Hub, or an address on the Hub or any web server. A folder of that name is preferred.",
    ),
    click.option(
        "--config",
        type=click.Choice(["small", "default"]),
        help="Search these rows of the dataset exactly, without its index: 10,000, or all. "
        "[default without an index: small on the Hub and the web, all of a folder]",
    ),
    click.option(
        "--exact",
        is_flag=True,
        help="Search all rows without the index; of a dataset, as --config default does.",
    ),
    click.option(
        "--revision",
        type=TEXT,
        help="Tag, branch or commit of a dataset on the Hub. [default: main]",
    ),
    click.option(
        "--model",
        type=TEXT,
        metavar="FOLDER",
        help="Where the vectors' model is now, if it was in a folder that has been moved.",
    ),
    click.option("--yes", is_flag=True, help="Fetch more than 1 GB without asking."),
)


def dataset_options(command: Command) -> Command:
    """Give a command the options that say what is searched; `opened_index` takes them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def opened_index(
    messages: Console,
    *,
    wiki: str,
    dataset: str | None,
    config: Config | None,
    revision: str | None,
    yes: bool,
    exact: bool = False,
    model: str | None = None,
) -> Index:
    """Open what is searched, with its model loaded and its files here.

    Args:
        messages: Where to say what is being done.
        wiki: The wiki whose embeddings on the volume are searched.
        dataset: A published dataset to search instead: a folder, a name on the Hub, or an address.
        config: Which of its rows to search exactly; by default its index is used, or `small` on the
            Hub, and all of a folder.
        revision: Tag, branch or commit on the Hub; by default `main`.
        yes: True to fetch a large dataset without confirmation.
        exact: True to search all rows without an index.
        model: Folder of the vectors' model, if it is no longer where it was.

    Raises:
        BadInputError: There is nothing to search, or the dataset is damaged.
        WikiEmbeddingsError: The place cannot be reached, or its files cannot be stored.
    """
    from wiki_embeddings.search.opening import opened  # these load Arrow and the model's runtime

    place = _locate(
        messages,
        wiki=wiki,
        dataset=dataset,
        config=config,
        exact=exact,
        revision=revision,
        model=model,
    )
    if place.note:
        messages.print(Text(place.note), soft_wrap=True)
    index = opened(place)
    try:
        with messages.status(Text(f"Loading {index.model.name} …")):
            index.prepare()
        if place.published:
            _fetch(place.published, yes, messages)
    except BaseException:
        index.close()
        raise
    return index


def _locate(
    messages: Console,
    *,
    wiki: str,
    dataset: str | None,
    config: Config | None,
    exact: bool,
    revision: str | None,
    model: str | None,
) -> Place:
    """Look up what to search.

    Raises:
        BadInputError: There is no such thing, or an option makes no sense there.
        WikiEmbeddingsError: The Hub or the web server cannot be reached.
    """
    from wiki_embeddings.search.places import locate, locate_wiki

    known = settings.load()
    if dataset is not None:
        is_name = "://" in dataset or "/" in dataset
        with messages.status(Text(f"Looking up {dataset} …")):
            return locate(
                dataset if is_name else Path(dataset),
                revision=revision,
                config=config or ("default" if exact else None),
                model=model,
                known=known,
            )
    if revision is not None:
        raise BadInputError(
            f"--revision {revision} applies only to a dataset on the Hub: name one with --dataset "
            "namespace/name, or leave the revision out."
        )
    if config is not None:
        raise BadInputError(
            f"--config {config} is a part of a published dataset: name one with --dataset, or "
            "leave the config out to search all of the volume."
        )
    return locate_wiki(wiki, known=known, exact=exact, model=model, recorded=_in_dagsters_record)


def _in_dagsters_record(wiki: str, known: settings.Settings) -> Manifest:
    """Look up the embeddings of a home of an earlier release, or say what is wrong with them.

    Raises:
        BadInputError: There are none, or they are gone or changed.
    """
    from wiki_embeddings.asset_keys import EMBEDDINGS
    from wiki_embeddings.compute.local.compute import LocalCompute
    from wiki_embeddings.defs import instance  # loads Dagster, which takes two seconds
    from wiki_embeddings.defs.materializations import current_manifest

    compute = LocalCompute(known.volume, cores=1)
    with instance.opened_for_reading(known.dagster_home) as record:
        return current_manifest(record, compute, EMBEDDINGS, wiki)


def _fetch(published: PublishedConfig, yes: bool, messages: Console) -> None:
    """Fetch the missing files of a config, after confirmation if they are large; verify the rest.

    Raises:
        BadInputError: The download is large, and there is no terminal to confirm it at.
        click.Abort: The user does not want it.
        WikiEmbeddingsError: The Hub cannot be reached, or the files cannot be stored.
    """
    from wiki_embeddings.search.published_dataset import fetch, missing_bytes

    missing = missing_bytes(published)
    what = f"{_size(missing)} of {published.snapshot.repo_id}, kept in {published.folder}"
    if missing > CONFIRM_ABOVE_BYTES and not yes:
        _confirm(what)
    if missing:
        messages.print(Text(f"Fetching {what}"), soft_wrap=True)
    label = "Fetching" if missing else "Checking"
    with progress_bar(label, published.bytes, messages) as progress:
        fetch(published, progress)


def _confirm(what: str) -> None:
    if not sys.stdin.isatty():
        raise BadInputError(
            f"The download is large: {what}. Pass --yes to fetch it, or search the few rows of "
            "--config small."
        )
    click.confirm(f"Fetch {what}?", abort=True, err=True)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


@contextmanager
def progress_bar(label: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar of bytes in a terminal, removed at its end; yields the function that moves it."""
    if not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield partial(bar.advance, bar.add_task(label, total=total))
