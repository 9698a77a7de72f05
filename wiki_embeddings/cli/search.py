"""`wiki-embeddings search`: embed a question, search, and print the best passages."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.cli.parameters import TEXT
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.search.nearest import Config, Passage, VectorFiles
    from wiki_embeddings.search.published_dataset import PublishedConfig

CONFIRM_ABOVE_BYTES = 1_000_000_000
"""Larger downloads have to be confirmed: more than ten minutes of a slow line, or a full disk."""

_SHOWN_CHARACTERS = 400

_CONTROL_CHARACTERS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n")}, " ")
"""A terminal would obey them, and anyone may write the texts of a dataset."""


@click.command()
@click.argument("question", type=TEXT)
@click.option(
    "--wiki", type=TEXT, default=settings.SAMPLE_WIKI, show_default=True, help="Which Wikipedia."
)
@click.option(
    "--dataset",
    type=TEXT,
    metavar="NAME",
    help="Search a published dataset instead of the volume: a folder, or namespace/name or an "
    "address on the Hub. A folder of that name is preferred to the Hub.",
)
@click.option(
    "--config",
    type=click.Choice(["small", "default"]),
    help="Part of the dataset: 10,000 rows, or all. [default: small on the Hub, all of a folder]",
)
@click.option(
    "--revision",
    type=TEXT,
    help="Tag, branch or commit of a dataset on the Hub. [default: main]",
)
@click.option(
    "--model",
    type=TEXT,
    metavar="FOLDER",
    help="Where the vectors' model is now, if it was in a folder that has been moved.",
)
@click.option("--yes", is_flag=True, help="Fetch more than 1 GB without asking.")
@click.option(
    "-k", "--count", type=click.IntRange(1, 100), default=3, show_default=True, help="Passages."
)
def command(question: str, **options: Any) -> None:
    """Find the passages that answer QUESTION best.

    A dataset on the Hub is fetched once and kept for each commit. Its card says which model and
    prefix the question is embedded with.
    """
    # One core is enough. NumPy's matrix library would start a thread for each of the others, which
    # wait in a busy loop; it reads this when NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print_passages(question, **options)


def print_passages(
    question: str,
    *,
    wiki: str,
    dataset: str | None,
    config: Config | None,
    revision: str | None,
    yes: bool,
    count: int,
    model: str | None = None,
) -> None:
    """Print the passages that answer a question best.

    Args:
        question: The question.
        wiki: The wiki whose embeddings on the volume are searched.
        dataset: A published dataset to search instead: a folder, or a name or an address on the
            Hub.
        config: Which of its rows; by default `small` on the Hub, and all of a folder.
        revision: Tag, branch or commit on the Hub; by default `main`.
        yes: True to fetch a large dataset without confirmation.
        count: Most passages to print.
        model: Folder of the vectors' model, if it is no longer where it was.

    Raises:
        BadInputError: There is nothing to search, or the dataset is damaged.
        WikiEmbeddingsError: The Hub cannot be reached, or its files cannot be stored.
    """
    from wiki_embeddings.search.nearest import nearest  # these load Arrow and the model's runtime
    from wiki_embeddings.search.vector_model import moved_to, query_encoder

    messages = Console(stderr=True)
    if dataset is not None:
        from wiki_embeddings.search.published_dataset import name_in_address  # the Hub's client

        dataset = name_in_address(dataset)
    published = _look_up(dataset, revision, config, messages)
    vectors = published.vector_files if published else _on_this_machine(wiki, dataset, config)
    vector_model = moved_to(vectors.model, model) if model else vectors.model
    with messages.status(Text(f"Loading {vector_model.name} …")):
        query = query_encoder(vector_model).encode_texts([question], query=True)[0]
    if published:
        _fetch(published, yes, messages)
    size = sum(file.stat().st_size for file in vectors.files if file.is_file())
    with _progress_bar("Searching", size, messages) as progress:
        passages = nearest(query, vectors, count, progress)
    console = Console()
    console.print(Text(question, style="bold"))
    for passage in passages:
        _print_passage(console, passage)


def _look_up(
    dataset: str | None, revision: str | None, config: Config | None, messages: Console
) -> PublishedConfig | None:
    """Look up a dataset on the Hub; None if what is searched is on this machine.

    Raises:
        BadInputError: There is no such dataset, or a revision makes no sense here.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    from wiki_embeddings.search.vector_model import is_hub_name

    if dataset is None or Path(dataset).is_dir() or not is_hub_name(dataset):
        _refuse_revision(dataset, revision)
        return None
    from wiki_embeddings.search.published_dataset import look_up  # loads the Hub's client

    with messages.status(Text(f"Looking up {dataset} …")):
        return look_up(
            dataset,
            revision=revision or "main",
            config=config or "small",
            home=settings.load().home,
        )


def _refuse_revision(dataset: str | None, revision: str | None) -> None:
    if revision is None:
        return
    if dataset is not None and Path(dataset).is_dir():
        raise BadInputError(
            f"{dataset} is a folder here, and has no --revision {revision}. For the Hub's dataset "
            "of that name, search from another working directory."
        )
    raise BadInputError(
        f"--revision {revision} applies only to a dataset on the Hub: name one with --dataset "
        "namespace/name, or leave the revision out."
    )


def _on_this_machine(wiki: str, dataset: str | None, config: Config | None) -> VectorFiles:
    from wiki_embeddings.search.nearest import from_folder

    if dataset is not None:
        return from_folder(Path(dataset), config or "default")
    if config is not None:
        raise BadInputError(
            f"--config {config} is a part of a published dataset: name one with --dataset, or "
            "leave the config out to search all of the volume."
        )
    return _on_volume(wiki)


def _on_volume(wiki: str) -> VectorFiles:
    from wiki_embeddings.manifest import read_current, read_manifest
    from wiki_embeddings.search.nearest import from_manifest
    from wiki_embeddings.volume import Volume

    settings.require_wiki(wiki)
    known = settings.load()
    if known.compute == "modal":
        raise BadInputError(
            "The embeddings are on Modal, where they cannot be searched. The metadata of "
            "hub_dataset says how to fetch the dataset, or its name on the Hub; then give its "
            "folder, or namespace/name, with --dataset."
        )
    volume = Volume(known.volume)
    current = read_current(volume, wiki)
    manifest = read_manifest(volume, current.folder) if current else None
    if manifest is None or manifest.as_upstream() != current:
        manifest = _in_dagsters_record(wiki, known)
    return from_manifest(volume, manifest)


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
    with _progress_bar(label, published.bytes, messages) as progress:
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
def _progress_bar(label: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
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


def _print_passage(console: Console, passage: Passage) -> None:
    title, section, url, text = (
        part.translate(_CONTROL_CHARACTERS)
        for part in (passage.title, passage.section, passage.url, passage.text)
    )
    lines = "\n".join(filter(None, map(str.strip, text.splitlines())))
    end = lines.rfind(" ", 0, _SHOWN_CHARACTERS)
    excerpt = lines if len(lines) <= _SHOWN_CHARACTERS else f"{lines[:end]} …"
    place = f", {section}" if section else ""
    console.print(
        Text.assemble((f"  {passage.score:.3f}  ", "cyan"), (title, "bold"), f"{place}  {url}")
    )
    console.print(Padding(Text(excerpt, style="dim"), (0, 0, 1, 9)))
