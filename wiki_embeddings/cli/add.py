"""`wiki-embeddings add` and `remove`: which wikis there are, and which are refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from wiki_embeddings import settings
from wiki_embeddings.cli.parameters import TEXT
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    import dagster as dg


@click.command()
@click.argument("wikis", nargs=-1, type=TEXT)
@click.option(
    "--refresh/--no-refresh",
    default=None,
    help="Mark them for refreshing, or remove the mark. By default a mark stays as it is.",
)
def command(wikis: tuple[str, ...], refresh: bool | None) -> None:
    """Add language editions, such as `de`, and list all that are here.

    Each becomes a partition of the assets; nothing is fetched. Those marked for refreshing are
    made again from each new export, once the sensor new_exports or the schedule monthly_refresh is
    switched on in the UI.
    """
    for wiki in wikis:
        settings.require_wiki(wiki)
        _require_edition(wiki)
    with _opened() as record:
        from wiki_embeddings.defs.wikis import add_wiki, mark

        for wiki in wikis:
            new = add_wiki(record, wiki)
            if refresh is not None:
                mark(record, wiki, refreshed=refresh)
            click.echo(f"Added {wiki}." if new else f"{wiki} is here already.")
        _list(record)


@click.command()
@click.argument("wikis", nargs=-1, required=True, type=TEXT)
def remove_command(wikis: tuple[str, ...]) -> None:
    """Remove language editions: their partitions and marks; what was made of them stays."""
    configured = settings.load().wikis
    for wiki in wikis:
        if wiki in configured:
            raise BadInputError(
                f"{wiki} is one of the wikis to begin with, so it would be added again at once: "
                f"WIKI_EMBEDDINGS_WIKIS is {','.join(configured)}. Name others there first."
            )
    with _opened() as record:
        from wiki_embeddings.defs.wikis import remove_wiki

        for wiki in wikis:
            remove_wiki(record, wiki)
            click.echo(f"Removed {wiki}. Its outputs stay on the volume.")
        _list(record)


def _require_edition(wiki: str) -> None:
    """Refuse a wiki that Wikimedia does not have; warn if it cannot be asked."""
    from wiki_embeddings.defs.wikipedia_export import require_edition

    if problem := require_edition(wiki):
        click.echo(f"Not verified that there is a Wikipedia {wiki!r}: {problem}", err=True)


@contextmanager
def _opened() -> Iterator[dg.DagsterInstance]:
    """Open the instance, with the wikis that it has from the beginning."""
    from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
    from wiki_embeddings.defs.wikis import add_first_wikis

    known = settings.load()
    with instance.opened(instance.prepare(known)) as record:
        add_first_wikis(record, known.wikis)
        yield record


def _list(record: dg.DagsterInstance) -> None:
    from wiki_embeddings.defs.wikis import known_wikis, refreshed_wikis

    marked = refreshed_wikis(record)
    click.echo(f"Here: {', '.join(known_wikis(record))}.")
    click.echo(f"Marked for refreshing: {', '.join(marked) or 'none'}.")
