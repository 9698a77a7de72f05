"""Answer a question at the prompt: embed it, search, and print the best passages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
import dagster as dg
from rich.console import Console
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from wiki_embeddings import settings
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs import instance
from wiki_embeddings.defs.materializations import current_manifest
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.nearest import (
    Config,
    Passage,
    VectorFiles,
    from_folder,
    from_manifest,
    nearest,
)
from wiki_embeddings.search.published_dataset import (
    PublishedConfig,
    fetch,
    look_up,
    missing_bytes,
)
from wiki_embeddings.search.vector_model import is_hub_name, query_encoder
from wiki_embeddings.volume import Volume

ASKED_ABOVE_BYTES = 1_000_000_000
"""Most that is fetched unasked: ten minutes of a slow line, and no disk is full of it."""

_SHOWN_CHARACTERS = 400

_CONTROLS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\n")}, " ")
"""Characters that a terminal obeys; the texts of a dataset are anybody's."""


def show(
    question: str,
    *,
    wiki: str,
    dataset: str | None,
    config: Config | None,
    revision: str | None,
    yes: bool,
    count: int,
) -> None:
    """Print the passages that answer a question best.

    Args:
        question: The question.
        wiki: Whose embeddings on the volume to search.
        dataset: A published dataset to search instead: a folder, or a name on the Hub.
        config: Which of its rows; those of `small` on the Hub, and all in a folder, if not given.
        revision: Tag, branch or commit on the Hub; `main` if not given.
        yes: Whether to fetch much without asking.
        count: How many passages to print.

    Raises:
        BadInputError: There is nothing to search yet, or it is not what it should be.
        WikiEmbeddingsError: The Hub cannot be reached, or what it sends cannot be stored.
    """
    messages = Console(stderr=True)
    published = None
    if dataset is not None and _is_on_hub(dataset):
        with messages.status(Text(f"Looking up {dataset} …")):
            published = look_up(
                dataset,
                revision=revision or "main",
                config=config or "small",
                home=settings.home(),
            )
        searchable = published.searchable
    else:
        _refuse_revision(dataset, revision)
        searchable = _here(wiki, dataset, config)
    with messages.status(Text(f"Loading {searchable.made_by.model} …")):
        vector = query_encoder(searchable.made_by).encode_texts([question], query=True)[0]
    if published:
        _fetch(published, yes, messages)
    size = sum(file.stat().st_size for file in searchable.files if file.is_file())
    with _bar("Searching", size, messages) as progress:
        passages = nearest(vector, searchable, count, progress)
    console = Console()
    console.print(Text(question, style="bold"))
    for passage in passages:
        _print(console, passage)


def _is_on_hub(dataset: str) -> bool:
    return is_hub_name(dataset) and not Path(dataset).is_dir()


def _refuse_revision(dataset: str | None, revision: str | None) -> None:
    if revision is None:
        return
    if dataset is not None and Path(dataset).is_dir():
        raise BadInputError(
            f"{dataset} is a folder here, and has no --revision {revision}. For the Hub's dataset "
            "of that name, search from another working directory."
        )
    raise BadInputError(
        f"--revision {revision} means something for a dataset on the Hub alone: name one with "
        "--dataset namespace/name, or leave the revision out."
    )


def _here(wiki: str, dataset: str | None, config: Config | None) -> VectorFiles:
    if dataset is not None:
        return from_folder(Path(dataset), config or "default")
    if config is not None:
        raise BadInputError(
            f"--config {config} is a part of a published dataset: name one with --dataset, or "
            "leave the config out to search all of the volume."
        )
    return _on_volume(wiki)


def _fetch(published: PublishedConfig, yes: bool, messages: Console) -> None:
    """Fetch what is missing of a config, asking first if it is much; verify what is here."""
    missing = missing_bytes(published)
    what = f"{_size(missing)} of {published.snapshot.repo_id}, kept in {published.folder}"
    if missing > ASKED_ABOVE_BYTES and not yes:
        _ask(what)
    if missing:
        messages.print(Text(f"Fetching {what}"), soft_wrap=True)
    with _bar("Fetching" if missing else "Checking", published.bytes, messages) as progress:
        fetch(published, progress)


def _ask(what: str) -> None:
    """Ask whoever is there whether to fetch so much.

    Raises:
        BadInputError: Nobody is there.
        click.Abort: They do not want it.
    """
    if not sys.stdin.isatty():
        raise BadInputError(
            f"There is much to fetch: {what}. Say --yes to have it fetched, or search the few rows "
            "of --config small."
        )
    click.confirm(f"Fetch {what}?", abort=True, err=True)


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


@contextmanager
def _bar(what: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar of bytes at a terminal, gone at its end; gives what moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
        yield partial(bar.advance, bar.add_task(what, total=total))


def _on_volume(wiki: str) -> VectorFiles:
    known = settings.load()
    if known.compute == "modal":
        raise BadInputError(
            "The embeddings are on Modal, where there is no search. The metadata of hub_dataset "
            "says how to fetch the dataset, or what it is called on the Hub; then name its folder, "
            "or namespace/name, with --dataset."
        )
    instance.prepare(known)
    compute = LocalCompute(known.volume, cores=1)
    with dg.DagsterInstance.get() as record:
        return from_manifest(
            Volume(known.volume), current_manifest(record, compute, "embeddings", wiki)
        )


def _print(console: Console, passage: Passage) -> None:
    title, url, text = (
        part.translate(_CONTROLS) for part in (passage.title, passage.url, passage.text)
    )
    lines = "\n".join(filter(None, map(str.strip, text.splitlines())))
    cut = lines.rfind(" ", 0, _SHOWN_CHARACTERS)
    shown = lines if len(lines) <= _SHOWN_CHARACTERS else f"{lines[:cut]} …"
    console.print(Text.assemble((f"  {passage.score:.3f}  ", "cyan"), (title, "bold"), f"  {url}"))
    console.print(Padding(Text(shown, style="dim"), (0, 0, 1, 9)))
