"""Where a search may look: the volume, a folder, the Hub, or any web server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from wiki_embeddings import settings
from wiki_embeddings.dataset_layout import INDEX_HEAD, SMALL_ROWS
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, read_current, read_manifest
from wiki_embeddings.search.byte_ranges import ByteRanges, FolderRanges
from wiki_embeddings.search.nearest import Config, ExactRows, from_folder, from_manifest
from wiki_embeddings.search.passages import SearchableRows
from wiki_embeddings.search.range_cache import CACHE_FILE, CachedRanges, RangeCache
from wiki_embeddings.search.vector_model import VectorModel, is_hub_name, moved_to
from wiki_embeddings.volume import Volume, output_folder

if TYPE_CHECKING:
    from wiki_embeddings.search.published_dataset import PublishedConfig

Recorded = Callable[[str, settings.Settings], Manifest]
"""Finds the current embeddings of a wiki in a home that an earlier release wrote."""


@dataclass(frozen=True)
class Place:
    """A place that was looked up; the files of an exact search may have to be fetched yet.

    Attributes:
        label: What it is, for people.
        model: The model that made the vectors.
        rows: What is searched.
        published: The files to fetch before, if they are on the Hub.
        note: Says so, in a sentence, if a search reads less than all passages; else None.
    """

    label: str
    model: VectorModel
    rows: SearchableRows
    published: PublishedConfig | None = None
    note: str | None = None


def locate(
    where: str | Path,
    *,
    known: settings.Settings,
    revision: str | None = None,
    config: Config | None = None,
    model: str | None = None,
) -> Place:
    """Look up a dataset in a folder, on the Hub or on a web server.

    Args:
        where: A folder, or the name or the address of a dataset. A folder of that name is preferred
            to the Hub.
        known: The settings of this process, which name the home that keeps what is fetched.
        revision: Branch, tag or commit on the Hub; by default `main`.
        config: Rows to search exactly; by default the index is used, or if there is none `small` on
            the Hub and the web, and all of a folder.
        model: Folder of the vectors' model, if it is no longer where it was.

    Raises:
        BadInputError: There is no such dataset, or it is not one of this project.
        WikiEmbeddingsError: The place cannot be reached.
    """
    name = str(where)
    if isinstance(where, str) and "://" in where:
        from wiki_embeddings.search.published_dataset import name_in_address  # the Hub's client

        name = name_in_address(where) or where
    if "://" in name:
        _refuse_revision(name, revision)
        place = _on_web(name, config, known)
    elif isinstance(where, Path) or Path(name).is_dir() or not is_hub_name(name):
        _refuse_revision(name, revision)
        place = _in_folder(Path(name), config)
    else:
        place = _on_hub(name, revision or "main", config, known)
    return _with_moved_model(place, model)


def locate_wiki(
    wiki: str,
    *,
    known: settings.Settings,
    exact: bool = False,
    model: str | None = None,
    recorded: Recorded | None = None,
) -> Place:
    """Look up the embeddings of a wiki on the volume, or a dataset made of them that has an index.

    Args:
        wiki: The wiki.
        known: The settings of this process, which name the volume.
        exact: True to search all rows without an index.
        model: Folder of the vectors' model, if it is no longer where it was.
        recorded: Finds them where the volume does not say which are current.

    Raises:
        BadInputError: There are none.
    """
    settings.require_wiki(wiki)
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
        if recorded is None:
            raise BadInputError(
                f"There are no embeddings of {wiki} in {known.home}: `wiki-embeddings run --wiki "
                f"{wiki}` makes them, or set WIKI_EMBEDDINGS_HOME to the home that has them."
            )
        manifest = recorded(wiki, known)
    files = from_manifest(volume, manifest)
    indexed = None if exact else _indexed_dataset(volume, manifest)
    rows = ExactRows(files) if indexed is None else _indexed(FolderRanges(indexed))
    return _with_moved_model(Place(f"{wiki} in {known.home}", files.model, rows), model)


def _indexed_dataset(volume: Volume, embeddings: Manifest) -> Path | None:
    """Return the folder of a dataset that was made of these embeddings and has an index."""
    for head in sorted(volume.path(f"{embeddings.wiki}/hub").glob(f"*/{INDEX_HEAD}")):
        folder = head.parent.parent
        made = read_manifest(volume, output_folder(embeddings.wiki, "hub", folder.name))
        if made and made.upstream == embeddings.as_upstream():
            return folder
    return None


def _with_moved_model(place: Place, folder: str | None) -> Place:
    return replace(place, model=moved_to(place.model, folder)) if folder else place


def _refuse_revision(dataset: str, revision: str | None) -> None:
    if revision is None:
        return
    if Path(dataset).is_dir():
        raise BadInputError(
            f"{dataset} is a folder here, and has no --revision {revision}. For the Hub's dataset "
            "of that name, search from another working directory."
        )
    raise BadInputError(
        f"--revision {revision} applies only to a dataset on the Hub: name one with --dataset "
        "namespace/name, or leave the revision out."
    )


def _in_folder(folder: Path, config: Config | None) -> Place:
    files = from_folder(folder, config or "default")
    if config is None and (folder / INDEX_HEAD).is_file():
        return Place(str(folder), files.model, _indexed(FolderRanges(folder)))
    return Place(str(folder), files.model, ExactRows(files))


def _on_hub(name: str, revision: str, config: Config | None, known: settings.Settings) -> Place:
    from wiki_embeddings.search.http_ranges import HttpRanges  # these load the Hub's client
    from wiki_embeddings.search.published_dataset import look_up
    from wiki_embeddings.search.range_sites import hub_site

    dataset = look_up(name, revision=revision, config=config, home=known.home)
    snapshot = dataset.snapshot
    label = f"{name} at {snapshot.commit}"
    if config is None and dataset.has_index:
        site = hub_site(snapshot)
        files = _cached(HttpRanges(site), site.address(""), known)
        return Place(label, dataset.model, _indexed(files))
    published = dataset.config(config or "small")
    return Place(
        label=label,
        model=dataset.model,
        rows=ExactRows(published.vector_files),
        published=published,
        note=_small_note(name, snapshot.row_counts.get("default")) if config is None else None,
    )


def _on_web(url: str, config: Config | None, known: settings.Settings) -> Place:
    from wiki_embeddings.search.web_dataset import WebDataset  # loads the Hub's client

    dataset = WebDataset(url, known.home)
    if config is None and dataset.has_index:
        origin = f"{dataset.label}@{dataset.version}"
        return Place(url, dataset.model, _indexed(_cached(dataset.files, origin, known)))
    files = dataset.fetch(config or "small")
    note = _small_note(url, None) if config is None else None
    return Place(url, files.model, ExactRows(files), note=note)


def _cached(files: ByteRanges, origin: str, known: settings.Settings) -> ByteRanges:
    return CachedRanges(
        files, RangeCache(known.home / CACHE_FILE, known.search_cache_bytes), origin
    )


def _indexed(files: ByteRanges) -> SearchableRows:
    from wiki_embeddings.search.indexed import IndexedRows

    try:
        return IndexedRows(files)
    except BaseException:
        files.close()
        raise


def _small_note(dataset: str, rows: int | None) -> str | None:
    """Say that only some rows are searched; None if these are all."""
    if rows is not None and rows <= SMALL_ROWS:
        return None
    of_all = f" of {rows:,}" if rows is not None else ""
    return (
        f"{dataset} has no index: only the rows of its config small are searched, "
        f"{SMALL_ROWS:,}{of_all} at most."
    )
