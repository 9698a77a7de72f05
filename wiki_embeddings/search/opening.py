"""`search.open`: find a dataset, fetch what a search of it needs, and give what can be asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wiki_embeddings import settings
from wiki_embeddings.search.questions import Index

if TYPE_CHECKING:
    from wiki_embeddings.search.nearest import Config
    from wiki_embeddings.search.places import Place


def open(  # noqa: A001 (read as `search.open`)
    where: str | Path,
    *,
    revision: str | None = None,
    config: Config | None = None,
    model: str | Path | None = None,
) -> Index:
    """Open a dataset of this project to search it.

    With an index (docs/search.md) it is read where it is, by ranges of bytes; otherwise the search
    is exact, and on the Hub and the web over the 10,000 rows of the config `small`, as `Index.note`
    then says. What is fetched is kept in the home folder (`WIKI_EMBEDDINGS_HOME`).

    Args:
        where: A dataset on the Hub (`namespace/name`, or its address), the address of the folder
            that holds a dataset's README.md on any web server, a folder, or a wiki on the local
            volume, such as `sample`. A folder of that name is preferred.
        revision: Branch, tag or commit of a dataset on the Hub; by default `main`. The commit that
            it names now stays the one that is searched.
        config: `small` or `default`, for an exact search of these rows even if there is an index.
        model: Folder of the vectors' model, if it was in a folder that has been moved.

    Raises:
        BadInputError: There is no such dataset, it is damaged, or it is not one of this project.
        WikiEmbeddingsError: The place cannot be reached, or what is fetched cannot be stored.
    """
    from wiki_embeddings.search.places import locate, locate_wiki  # these load Arrow
    from wiki_embeddings.search.published_dataset import fetch

    known = settings.load()
    moved = None if model is None else str(model)
    if isinstance(where, str) and settings.is_wiki(where) and not Path(where).is_dir():
        return opened(locate_wiki(where, known=known, model=moved))
    place = locate(where, revision=revision, config=config, model=moved, known=known)
    if place.published is not None:
        fetch(place.published, lambda _: None)
    return opened(place)


def opened(place: Place) -> Index:
    """Open a place whose files are here."""
    return Index(place.rows, place.model, place.label, place.note)
