"""Articles from `wikimedia/wikipedia` on the Hugging Face Hub: Parquet, one folder an edition."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wiki_embeddings import hub_files
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.hub_files import HubFile, HubSnapshot
from wiki_embeddings.sources.parquet_articles import read_articles
from wiki_embeddings.sources.protocol import OpenedPart, Progress, SourcePlan

REPO_ID = "wikimedia/wikipedia"

# What `main` once was: checked on 2026-11-22 in the code of public projects, to which the Hub's
# client gave it as their snapshot; the Hub itself could not be asked. By August 2026 `main` was at
# 3e1f92c331f3, where 20231101.simple has the SHA-256 that it had in the commit that added it;
# nobody mentions a later edition.
REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"

SHOWN_CONFIGS = 8


@dataclass(frozen=True)
class HubPart:
    """One Parquet file of one edition.

    Attributes:
        index: Its place among the parts, from 0.
        repo_id: Dataset repository.
        commit: Commit of the repository.
        path: Path within the repository.
        size: Bytes.
        blob_id: Git's object id.
        sha256: SHA-256 in hexadecimal, where the file is a large one.
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


def plan(wiki: str, *, snapshot: str = "20231101", fraction: float = 1.0) -> SourcePlan[HubPart]:
    """Looks up which files an edition has.

    Args:
        wiki: Language code of a Wikipedia, such as `en` or `simple`.
        snapshot: Date of the edition.
        fraction: Share of the articles to keep, above 0 and at most 1; for dry runs. No more
            files are fetched than hold so many, and these are thinned evenly.

    Returns:
        One part a file, each about half a gigabyte for the largest editions.

    Raises:
        BadInputError: There is no such edition, or the fraction is none.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    if not 0 < fraction <= 1:
        raise BadInputError(f"fraction is {fraction}; choose one above 0 and at most 1.")
    repository = hub_files.resolve(REPO_ID, repo_type="dataset", revision=REVISION)
    files = _files_of(repository, f"{snapshot}.{wiki}")
    fetched = math.ceil(fraction * len(files))
    keep = fraction * len(files) / fetched
    return SourcePlan(
        snapshot=snapshot,
        settings={"source": REPO_ID, "revision": repository.commit, "fraction": fraction},
        parts=tuple(
            _part(index, repository, file, keep) for index, file in enumerate(files[:fetched])
        ),
    )


def open_part(part: HubPart, scratch: Path, progress: Progress) -> OpenedPart:
    """Fetches one part, or what is missing of it, and opens it.

    Args:
        part: From `plan`.
        scratch: Folder for the downloaded file, which stays until `discard`.
        progress: Told of bytes that are there; `part.size` in all.

    Raises:
        BadInputError: The file is corrupt or not what such a file should be; while the batches
            are read too.
        WikiEmbeddingsError: The file cannot be fetched, or the disk does not take it.
    """
    file = HubFile(part.path, part.size, part.blob_id, part.sha256)
    repository = HubSnapshot(part.repo_id, "dataset", part.commit, (file,))
    path = _downloaded(part, scratch)
    hub_files.download(repository, file, path, progress=progress)
    return read_articles(path, f"{part.path} of {part.repo_id}", part.keep)


def discard(part: HubPart, scratch: Path) -> None:
    """Removes all that fetching a part has left in `scratch`; nothing if there is nothing."""
    path = _downloaded(part, scratch)
    for suffix in ("", hub_files.PARTIAL_SUFFIX, hub_files.LOCK_SUFFIX):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _files_of(repository: HubSnapshot, config: str) -> list[HubFile]:
    """Parquet files of a config, in the order of their names."""
    configs: dict[str, list[HubFile]] = {}
    for file in repository.files:
        path = PurePosixPath(file.path)
        if path.suffix == ".parquet":
            configs.setdefault(str(path.parent), []).append(file)
    if config not in configs:
        raise BadInputError(
            f"{REPO_ID} has no {config}. It has {len(configs)} editions, among them "
            f"{', '.join(_similar(config, list(configs)))}."
        )
    return configs[config]


def _similar(config: str, configs: list[str]) -> list[str]:
    """A few of the configs: the same wiki in other snapshots, then those of similar names."""
    wiki = config.partition(".")[2]
    same_wiki = [name for name in configs if name.partition(".")[2] == wiki]
    close = difflib.get_close_matches(config, configs, n=SHOWN_CONFIGS)
    return list(dict.fromkeys([*same_wiki, *close, *configs]))[:SHOWN_CONFIGS]


def _part(index: int, repository: HubSnapshot, file: HubFile, keep: float) -> HubPart:
    return HubPart(
        index=index,
        repo_id=repository.repo_id,
        commit=repository.commit,
        path=file.path,
        size=file.size,
        blob_id=file.blob_id,
        sha256=file.sha256,
        keep=keep,
    )


def _downloaded(part: HubPart, scratch: Path) -> Path:
    """Where a part's file lies; the commit keeps two editions of one name apart."""
    return scratch / f"{part.commit[:12]}-{part.path.replace('/', '-')}"
