"""Articles from `wikimedia/wikipedia` on the Hugging Face Hub: Parquet, one folder an edition."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from wiki_embeddings.dataset_layout import incomplete_series
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources.protocol import (
    OpenedPart,
    Progress,
    Source,
    SourcePlan,
    check_fraction,
)

if TYPE_CHECKING:
    # The Hub's client and PyArrow are slow to import: each function imports what it needs of them.
    from wiki_embeddings.hub_files import HubFile, HubSnapshot

REPO_ID = "wikimedia/wikipedia"

# A former commit of `main`, as the Hub's client reported it to public projects (looked up in their
# code on 2026-11-22; the Hub itself could not be asked). By August 2026 `main` was at 3e1f92c331f3,
# where 20231101.simple has the SHA-256 that it had in the commit that added it; nobody mentions a
# later edition.
REVISION = "b04c8d1ceb2f5cd4588862100d08de323dccfbaa"

MAX_SUGGESTIONS = 8


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


def plan(wiki: str, snapshot: str = "20231101", fraction: float = 1.0) -> SourcePlan[HubPart]:
    """Look up the files of an edition.

    Args:
        wiki: Language code of a Wikipedia, such as `en` or `simple`.
        snapshot: Date of the edition.
        fraction: Share of the articles to keep, above 0 and at most 1; for dry runs. The plan has
            no more files than contain that share, and their articles are sampled evenly.

    Returns:
        One part a file, each about half a gigabyte for the largest editions.

    Raises:
        BadInputError: The edition does not exist or lacks files, or the fraction is out of range.
        WikiEmbeddingsError: The Hub cannot be reached.
    """
    from wiki_embeddings import hub_files

    check_fraction(fraction)
    repository = hub_files.resolve(REPO_ID, repo_type="dataset", revision=REVISION)
    config = f"{snapshot}.{wiki}"
    files = _find_config_files(repository, config)
    fetched = math.ceil(fraction * len(files))
    keep = fraction * len(files) / fetched
    return SourcePlan(
        snapshot=snapshot,
        settings={"source": REPO_ID, "revision": repository.commit, "fraction": fraction},
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
            for index, file in enumerate(files[:fetched])
        ),
        articles=repository.row_counts.get(config) if fraction == 1 else None,
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


def _find_config_files(repository: HubSnapshot, config: str) -> list[HubFile]:
    """Return the Parquet files of a config, sorted by name; all of them are there."""
    configs: dict[str, list[HubFile]] = {}
    for file in repository.files:
        path = PurePosixPath(file.path)
        if path.suffix == ".parquet":
            configs.setdefault(str(path.parent), []).append(file)
    if config not in configs:
        raise BadInputError(
            f"{REPO_ID} has no {config}. It has {len(configs)} editions, among them "
            f"{', '.join(_find_similar(config, list(configs)))}."
        )
    fault = incomplete_series(file.path for file in configs[config])
    if fault:
        raise BadInputError(
            f"{REPO_ID} at {repository.commit[:12]} does not have all articles of {config}: "
            f"{fault}. If HF_ENDPOINT names a mirror, wait until it is complete, or read from the "
            "Hub itself; otherwise use another snapshot."
        )
    return configs[config]


def _find_similar(config: str, configs: list[str]) -> list[str]:
    """Return a few configs: the same wiki in other snapshots, then those of similar names."""
    wiki = config.partition(".")[2]
    same_wiki = [name for name in configs if name.partition(".")[2] == wiki]
    close = difflib.get_close_matches(config, configs, n=MAX_SUGGESTIONS)
    return list(dict.fromkeys([*same_wiki, *close, *configs]))[:MAX_SUGGESTIONS]


SOURCE = Source(
    serves=lambda _wiki, _snapshot: True,
    plan=plan,
    part_type=HubPart,
    open_part=open_part,
    discard=discard,
    unit="bytes",
    bound_by="network",
)
