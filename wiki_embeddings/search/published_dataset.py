"""A published dataset on the Hub: what it holds, and its files, fetched once.

    datasets/{namespace}--{name}/{commit}/snapshot.json   what the Hub lists at that commit
    datasets/{namespace}--{name}/{commit}/README.md       the card, which names the model
    datasets/{namespace}--{name}/{commit}/small/…         a config's files, each one verified

A commit is looked up once; after that, whatever is complete here needs no Hub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from wiki_embeddings import hub_files
from wiki_embeddings.dataset_layout import (
    CARD,
    FOLDERS,
    INDEX_HEAD,
    files_pattern,
    incomplete_series,
)
from wiki_embeddings.downloads.verified import PARTIAL_SUFFIX
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import HubFile, HubSnapshot
from wiki_embeddings.hub_files.endpoint import redacted_endpoint
from wiki_embeddings.search.nearest import CONFIGS, Config, VectorFiles
from wiki_embeddings.search.vector_model import VectorModel, is_commit, is_hub_name, read_card
from wiki_embeddings.volume import write_bytes

_PUBLIC_HOSTS = frozenset({"huggingface.co", "hf.co"})

_LISTING = "snapshot.json"

_MAX_CARD_BYTES = 1_000_000
"""A hundred times the size of a card; anything larger is not one, and is not fetched."""


@dataclass(frozen=True)
class PublishedDataset:
    """A published dataset at one commit.

    Attributes:
        snapshot: The dataset at that commit, with all of its files.
        folder: Where files of it are kept.
        model: The model that made the vectors.
    """

    snapshot: HubSnapshot
    folder: Path
    model: VectorModel

    @property
    def has_index(self) -> bool:
        """True if it can be searched by ranges."""
        return _has_index(self.snapshot)

    def config(self, config: Config) -> PublishedConfig:
        """Give a config of it.

        Raises:
            BadInputError: It has no such config, or lacks files of it.
        """
        return PublishedConfig(
            config, _with_files_of(config, self.snapshot), self.folder, self.model
        )


@dataclass(frozen=True)
class PublishedConfig:
    """A config of a published dataset at one commit, whether its files are here or not.

    Attributes:
        config: Its name.
        snapshot: The dataset at that commit, with the files of the config only.
        folder: Where the files are kept.
        model: The model that made the vectors.
    """

    config: Config
    snapshot: HubSnapshot
    folder: Path
    model: VectorModel

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.size for file in self.snapshot.files)

    @property
    def vector_files(self) -> VectorFiles:
        """The files to search, once they are here."""
        dataset = self.snapshot.repo_id
        return VectorFiles(
            files=tuple(self.folder / file.path for file in self.snapshot.files),
            model=self.model,
            advice=f"The file is the same as in {dataset} on the Hub: search another --revision, "
            "and tell its publisher.",
        )


def name_in_address(address: str) -> str | None:
    """Return the name of a dataset that is given by its address on the Hub; None if it is not.

    Raises:
        BadInputError: It is an address on the Hub, but not that of a dataset.
    """
    parts = urlsplit(address)
    hosts = {*_PUBLIC_HOSTS, urlsplit(redacted_endpoint()).netloc}
    if parts.scheme != "hf" and parts.netloc not in hosts:
        return None
    path = f"{parts.netloc}{parts.path}" if parts.scheme == "hf" else parts.path
    kind, _, name = path.strip("/").partition("/")
    if kind != "datasets" or parts.scheme not in {"http", "https", "hf"} or not is_hub_name(name):
        raise BadInputError(
            f"{address} is not the address of a dataset on {redacted_endpoint()}: name it as "
            "namespace/name, and a version of it with --revision."
        )
    return name


def look_up(name: str, *, revision: str, config: Config | None, home: Path) -> PublishedDataset:
    """Look up what a published dataset holds; fetches nothing but its card.

    Args:
        name: Repository on the Hub, `namespace/name`.
        revision: Branch, tag or commit. Only a commit can be looked up without the Hub.
        config: Which of its rows will be searched exactly; None for `small` or the index. Decides
            only which commits are named if the Hub cannot be reached.
        home: Folder that holds `datasets/`.

    Raises:
        BadInputError: There is no such dataset or revision, the token may not read it, or it is
            not a dataset of this project.
        WikiEmbeddingsError: The Hub cannot be reached, or the card cannot be stored.
    """
    if not is_hub_name(name):
        raise BadInputError(
            f"{name!r} is not the name of a dataset on the Hub: write namespace/name."
        )
    kept = home / "datasets" / name.replace("/", "--")
    snapshot = _listed(kept / revision) if is_commit(revision) else None
    if snapshot is None:
        snapshot = _resolved(name, revision, config, kept)
    folder = kept / snapshot.commit
    model = _model(snapshot, folder)
    if _listed(folder) != snapshot:
        write_bytes(folder / _LISTING, json.dumps(asdict(snapshot), indent=1).encode())
    return PublishedDataset(snapshot, folder, model)


def missing_bytes(published: PublishedConfig) -> int:
    """Count the bytes still to be fetched, by the sizes of the files here."""
    return sum(_missing(file, published.folder / file.path) for file in published.snapshot.files)


def fetch(published: PublishedConfig, progress: Callable[[int], None]) -> None:
    """Fetch the missing files, and verify all of them against the Hub's digests.

    Args:
        published: From `look_up`.
        progress: Called with bytes that are here, found or fetched; `published.bytes` in all.

    Raises:
        BadInputError: The Hub refuses.
        UnusableVolumeError: The files cannot be stored.
        WikiEmbeddingsError: The Hub cannot be reached; what was fetched is kept.
    """
    for file in published.snapshot.files:
        destination = published.folder / file.path
        hub_files.download(published.snapshot, file, destination, progress=progress)


def _missing(file: HubFile, destination: Path) -> int:
    if destination.is_file() and destination.stat().st_size == file.size:
        return 0
    partial = destination.with_name(destination.name + PARTIAL_SUFFIX)
    return max(0, file.size - (partial.stat().st_size if partial.is_file() else 0))


def _listed(folder: Path) -> HubSnapshot | None:
    """Read the Hub's listing of a commit, kept from the first look-up; None if there is none."""
    listing = folder / _LISTING
    if not listing.is_file():
        return None
    try:
        content = json.loads(listing.read_bytes())
        files = tuple(HubFile(**file) for file in content.pop("files"))
        return HubSnapshot(**content, files=files)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # damaged: the Hub is asked again, and the file is replaced


def _resolved(name: str, revision: str, config: Config | None, kept: Path) -> HubSnapshot:
    try:
        return hub_files.resolve(name, repo_type="dataset", revision=revision)
    except BadInputError:
        raise
    except WikiEmbeddingsError as error:
        commits = sorted(path.parent.name for path in kept.glob(f"*/{_LISTING}"))
        complete = [commit for commit in commits if _is_complete(kept / commit, config)]
        if not complete:
            raise
        raise WikiEmbeddingsError(
            f"{error} Without the Hub, name a commit that is here already with --revision: "
            f"{', '.join(complete)}."
        ) from error


def _is_complete(folder: Path, config: Config | None) -> bool:
    """True if a commit can be searched without the Hub, at least for questions of before."""
    snapshot = _listed(folder)
    if snapshot and config is None and _has_index(snapshot):
        return True
    files = _files_of(config or "small", snapshot.files) if snapshot else []
    return bool(files) and not any(_missing(file, folder / file.path) for file in files)


def _model(snapshot: HubSnapshot, folder: Path) -> VectorModel:
    label = f"{CARD} of {snapshot.repo_id} at {snapshot.commit}"
    card = next((file for file in snapshot.files if file.path == CARD), None)
    if card is None or card.size > _MAX_CARD_BYTES:
        raise BadInputError(
            f"{snapshot.repo_id} at {snapshot.commit} has no {CARD} that this project has written, "
            "so nothing says which model a question needs: search a dataset of this project."
        )
    hub_files.download(snapshot, card, folder / CARD)
    return read_card(folder / CARD, label, "The Hub has the same file: search another --revision.")


def _has_index(snapshot: HubSnapshot) -> bool:
    return any(file.path == INDEX_HEAD for file in snapshot.files)


def _with_files_of(config: Config, snapshot: HubSnapshot) -> HubSnapshot:
    """Leave only the files of one config in a snapshot."""
    files = _files_of(config, snapshot.files)
    if not files:
        others = [other for other in CONFIGS if _files_of(other, snapshot.files)]
        advice = f"Search another one, with --config {' or '.join(others)}." if others else ""
        raise BadInputError(
            f"{snapshot.repo_id} at {snapshot.commit} has no config {config}: there is no "
            f"{files_pattern(config)} in it. {advice}".rstrip()
        )
    fault = incomplete_series(file.path for file in files)
    if fault:
        raise BadInputError(
            f"{snapshot.repo_id} at {snapshot.commit} does not have all passages of its config "
            f"{config}: {fault}. Search another --revision."
        )
    return replace(snapshot, files=tuple(files))


def _files_of(config: Config, files: tuple[HubFile, ...]) -> list[HubFile]:
    pattern = re.compile(rf"{FOLDERS[config]}/train-[0-9]{{5}}-of-[0-9]{{5}}\.parquet")
    return [file for file in files if pattern.fullmatch(file.path)]
