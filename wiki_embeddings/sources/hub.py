"""Articles from a dataset on the Hugging Face Hub: Parquet with `id`, `url`, `title` and `text`.

By default `wikimedia/wikipedia`, whose last edition is of November 2023. A dataset may have a
folder for each edition, named `20231101.en`, `enwiki` or `en`, or all of its files for one wiki.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wiki_embeddings.dataset_layout import incomplete_series
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources.dumps_site import wiki_id
from wiki_embeddings.sources.protocol import (
    WIKIMEDIA_WIKIPEDIA,
    ArticleSelection,
    OpenedPart,
    Progress,
    Source,
    SourcePlan,
    check_fraction,
)

if TYPE_CHECKING:
    # The Hub's client and PyArrow are slow to import: each function imports what it needs of them.
    from wiki_embeddings.hub_files import HubFile, HubSnapshot

# A former commit of `main`, as the Hub's client reported it to public projects (looked up in their
# code on 2026-11-22; the Hub itself could not be asked). By August 2026 `main` was at 3e1f92c331f3,
# where 20231101.simple has the SHA-256 that it had in the commit that added it; nobody mentions a
# later edition.
REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"

MAX_SUGGESTIONS = 8

_NEWEST = "main"
_DATE = re.compile(r"\d{8}", re.ASCII)


def page_of(repo_id: str) -> str:
    """Return the address of a dataset's page on the Hub, without a user's name and password."""
    from wiki_embeddings.hub_files.endpoint import redacted_endpoint

    return f"{redacted_endpoint()}/datasets/{repo_id}"


@dataclass(frozen=True)
class HubPart:
    """One Parquet file of one edition.

    Attributes:
        index: Number of the part, from 0.
        repo_id: Dataset repository.
        commit: Commit of the repository.
        path: Path within the repository.
        size: Bytes.
        blob_id: Git's object id.
        sha256: SHA-256 of a large file, in hexadecimal; None for one stored in git itself.
        keep: Share of its articles to keep.
    """

    index: int
    repo_id: str
    commit: str
    path: str
    size: int
    blob_id: str
    sha256: str | None
    keep: float

    @property
    def units(self) -> int:
        """Bytes to fetch."""
        return self.size


def plan(selection: ArticleSelection) -> SourcePlan[HubPart]:
    """Look up the files of an edition.

    Args:
        selection: The wiki, the dataset and its revision. A fraction takes no more files than
            contain that share of the articles, and samples them evenly.

    Returns:
        One part a file, each about half a gigabyte for the largest editions.

    Raises:
        BadInputError: The dataset, the revision or the edition does not exist or lacks files, the
            dataset does not tell the date, or the fraction is out of range.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    from wiki_embeddings.sources.sampling import choose_files

    check_fraction(selection.fraction)
    repository = _resolve(selection)
    folder = _edition_folder(repository, selection)
    snapshot = _snapshot(folder, selection)
    files, keep = choose_files(_complete_series(repository, folder), selection.fraction)
    return SourcePlan(
        snapshot=snapshot,
        settings={
            "source": repository.repo_id,
            "revision": repository.commit,
            "folder": folder,
            "fraction": selection.fraction,
        },
        parts=tuple(
            HubPart(
                index=index,
                repo_id=repository.repo_id,
                commit=repository.commit,
                path=file.path,
                size=file.size,
                blob_id=file.blob_id,
                sha256=file.sha256,
                keep=keep,
            )
            for index, file in enumerate(files)
        ),
        articles=repository.row_counts.get(folder) if selection.fraction == 1 else None,
    )


def open_part(part: HubPart, scratch: Path, progress: Progress) -> OpenedPart:
    """Download the missing bytes of a part, and open it.

    Args:
        part: From `plan`.
        scratch: Folder for the downloaded file, which stays until `discard`.
        progress: Called with the bytes found or fetched; `part.size` in all.

    Raises:
        BadInputError: The file is corrupt or has the wrong columns. Reading the batches raises it
            too.
        WikiEmbeddingsError: The file cannot be fetched or stored.
    """
    from wiki_embeddings.hub_files import HubFile, HubSnapshot, download
    from wiki_embeddings.sources.parquet_articles import read_articles

    file = HubFile(part.path, part.size, part.blob_id, part.sha256)
    repository = HubSnapshot(part.repo_id, "dataset", part.commit, (file,))
    path = _download_path(part, scratch)
    download(repository, file, path, progress=progress)
    return read_articles(path, f"{part.path} of {part.repo_id}", part.keep)


def discard(part: HubPart, scratch: Path) -> None:
    """Remove all that fetching a part left in `scratch`, if anything."""
    from wiki_embeddings.downloads.verified import discard_download

    discard_download(_download_path(part, scratch))


def _download_path(part: HubPart, scratch: Path) -> Path:
    """Return the path of a part's download; the commit keeps two versions of a file apart."""
    return scratch / f"{part.commit[:12]}-{part.path.replace('/', '-')}"


def _resolve(selection: ArticleSelection) -> HubSnapshot:
    """Look up the commit: the one that is named, or pinned here, or else the newest."""
    from wiki_embeddings import hub_files

    revision = selection.hub_revision
    if revision is not None or selection.hub_dataset != WIKIMEDIA_WIKIPEDIA:
        revision = revision or _NEWEST
        return hub_files.resolve(selection.hub_dataset, repo_type="dataset", revision=revision)
    try:
        return hub_files.resolve(WIKIMEDIA_WIKIPEDIA, repo_type="dataset", revision=REVISION)
    except BadInputError as error:
        raise BadInputError(
            f"{error} This project pins that commit where no hub_revision is given: if HF_ENDPOINT "
            "names a mirror that lacks it, set hub_revision to one that it has, such as main."
        ) from error


def _edition_folder(repository: HubSnapshot, selection: ArticleSelection) -> str:
    """Return the folder of an edition's Parquet files, as a path in the repository."""
    folders = sorted(
        {str(path.parent) for path in _parquet_paths(repository)}, key=lambda name: name.lower()
    )
    wiki, snapshot = selection.wiki, selection.snapshot
    dated = [name for name in folders if _edition(name)[1:] == (wiki,)]
    if snapshot is not None:
        dated = [name for name in dated if _edition(name)[0] == snapshot]
    undated = [name for name in folders if PurePosixPath(name).name in {wiki, wiki_id(wiki)}]
    if dated or undated:
        return max(dated, key=lambda name: _edition(name)[0]) if dated else undated[0]
    if len(folders) == 1 and not _edition(folders[0])[1:]:
        return folders[0]  # a dataset of one wiki
    wanted = f"{snapshot}.{wiki}" if snapshot else wiki
    offers = ", ".join(_find_similar(wanted, folders)) or "none"
    raise BadInputError(
        f"{repository.repo_id} at {repository.commit[:12]} has no {wanted}. It has "
        f"{len(folders)} editions, among them {offers}."
    )


def _parquet_paths(repository: HubSnapshot) -> list[PurePosixPath]:
    paths = [PurePosixPath(file.path) for file in repository.files]
    return [path for path in paths if path.suffix == ".parquet"]


def _edition(folder: str) -> tuple[str, ...]:
    """Split `20231101.en` into its date and wiki; the name alone if it is of another form."""
    name = PurePosixPath(folder).name
    date, _, wiki = name.partition(".")
    return (date, wiki) if _DATE.fullmatch(date) and wiki else (name,)


def _snapshot(folder: str, selection: ArticleSelection) -> str:
    """Return the date of an edition, which the name of its folder or the run's config tells."""
    edition = _edition(folder)
    if len(edition) == 2:
        return edition[0]
    if selection.snapshot is None:
        raise BadInputError(
            f"{selection.hub_dataset} does not tell the date of {folder}: set snapshot to the "
            "date of its articles, such as 20260101, which the dataset's card may tell."
        )
    return selection.snapshot


def _complete_series(repository: HubSnapshot, folder: str) -> list[HubFile]:
    """Return the Parquet files of a folder, sorted by name; all of them are there."""
    files = [
        file
        for file in repository.files
        if PurePosixPath(file.path).suffix == ".parquet"
        and str(PurePosixPath(file.path).parent) == folder
    ]
    fault = incomplete_series(file.path for file in files)
    if fault:
        raise BadInputError(
            f"{repository.repo_id} at {repository.commit[:12]} does not have all articles of "
            f"{folder}: {fault}. If HF_ENDPOINT names a mirror, wait until it is complete, or read "
            "from the Hub itself; otherwise use another snapshot."
        )
    return files


def _find_similar(config: str, configs: list[str]) -> list[str]:
    """Return a few configs: the same wiki in other snapshots, then those of similar names."""
    wiki = config.rpartition(".")[2]
    same_wiki = [name for name in configs if name.rpartition(".")[2] == wiki]
    close = difflib.get_close_matches(config, configs, n=MAX_SUGGESTIONS)
    return list(dict.fromkeys([*same_wiki, *close, *configs]))[:MAX_SUGGESTIONS]


SOURCE = Source(
    serves=lambda selection: selection.source == "hub",
    plan=plan,
    part_type=HubPart,
    open_part=open_part,
    discard=discard,
    unit="bytes",
    bound_by="network",
)
