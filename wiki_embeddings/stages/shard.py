"""What all stages share: a plan of shards, and making each shard exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    Settings,
    ShardFile,
    Statistic,
    Upstream,
    finished_shard,
    write_report,
)
from wiki_embeddings.sources.protocol import BoundBy, Progress
from wiki_embeddings.volume import (
    StageName,
    Volume,
    digest_of,
    output_folder,
    sha256_of_file,
    written_atomically,
)


class ShardSpec(Protocol):
    """The fields that every stage's spec has. The stage adds its own: small ones, never data."""

    @property
    def folder(self) -> str:
        """Reference of the output folder."""

    @property
    def name(self) -> str:
        """File name of the shard."""

    @property
    def units(self) -> int:
        """Amount of work, in the plan's unit; decides only the order and the progress shown."""


SpecT = TypeVar("SpecT", bound=ShardSpec)


@dataclass(frozen=True)
class Report:
    """The result of one shard.

    Attributes:
        file: The finished file.
        reused: True if an earlier run made it.
        seconds: Wall time.
    """

    file: ShardFile
    reused: bool
    seconds: float


@dataclass(frozen=True)
class Plan(Generic[SpecT]):
    """All shards of one stage for one wiki under one set of settings.

    Attributes:
        wiki: The wiki.
        stage: The stage.
        folder: Reference of the output folder, named by what decides its content.
        upstream: The output that it is made from; None for a source.
        settings: Everything that decides the content, by stage; see `Manifest.settings`.
        make: Makes one shard. A module-level function, so that any process can import it.
        unit: What progress counts, in the plural.
        bound_by: What limits the work on one shard.
        specs: One spec a shard.
        shards_in_hand: Shards that one process works on at once, so that others are read, checked
            or written while one is computed.
        rows: Rows of all shards together, if something counted them before.
        model_folder: Where the model is, if it is a folder; see `Manifest.model_folder`.
    """

    wiki: str
    stage: StageName
    folder: str
    upstream: Upstream | None
    settings: Settings
    make: Callable[[SpecT, Volume, Progress], Report]
    unit: str
    bound_by: BoundBy
    specs: tuple[SpecT, ...]
    shards_in_hand: int = 1
    rows: int | None = None
    model_folder: str | None = None

    def manifest(self, files: Iterable[ShardFile]) -> Manifest:
        """Build the manifest from the plan's finished files."""
        return Manifest(
            wiki=self.wiki,
            stage=self.stage,
            folder=self.folder,
            upstream=self.upstream,
            settings=self.settings,
            files=tuple(sorted(files, key=lambda file: (file.min_id, file.name))),
            model_folder=self.model_folder,
        )


def folder_for(
    wiki: str, stage: StageName, upstream: Upstream | None, settings: Settings, version: str
) -> str:
    """Name the folder for what these settings make from that upstream; gives its reference."""
    inputs = {
        "upstream": upstream.digest if upstream else None,
        "settings": settings,
        "version": version,
    }
    return output_folder(wiki, stage, digest_of(inputs))


Describe: TypeAlias = Callable[[Path, str, Mapping[str, Statistic]], ShardFile]


def describe_parquet(path: Path, name: str, stats: Mapping[str, Statistic]) -> ShardFile:
    """Describe a Parquet file with an `id` column, by reading it back."""
    with pq.ParquetFile(path) as parquet:
        metadata = parquet.metadata
        ids = parquet.read(columns=["id"]).column("id").to_numpy()
    return ShardFile(
        name=name,
        rows=metadata.num_rows,
        bytes=path.stat().st_size,
        sha256=sha256_of_file(path),
        min_id=int(ids.min()) if ids.size else -1,
        max_id=int(ids.max()) if ids.size else -1,
        row_groups=metadata.num_row_groups,
        stats=stats,
    )


def describe_plain(path: Path, name: str, stats: Mapping[str, Statistic]) -> ShardFile:
    """Describe a file without rows of its own."""
    return ShardFile(name, 0, path.stat().st_size, sha256_of_file(path), -1, -1, 0, stats)


def make_once(
    spec: ShardSpec,
    volume: Volume,
    write: Callable[[Path], Mapping[str, Statistic]],
    describe: Describe = describe_parquet,
) -> Report:
    """Make a shard's file, unless an earlier run finished it.

    Args:
        spec: The shard.
        volume: Where its file is stored.
        write: Writes the file to the given path and returns its statistics.
        describe: Describes the written file for the manifest.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    started = time.perf_counter()
    file = finished_shard(volume, spec.folder, spec.name)
    reused = file is not None
    if file is None:
        with written_atomically(volume.path(spec.folder) / spec.name) as temporary:
            stats = write(temporary)
            file = describe(temporary, spec.name, stats)
        write_report(volume, spec.folder, file)
    return Report(file, reused, time.perf_counter() - started)


def parquet_writer(path: Path, schema: pa.Schema, **options: Any) -> pq.ParquetWriter:
    """Open a Parquet writer with the project's compression, unless the options name another."""
    return pq.ParquetWriter(path, schema, **{"compression": "zstd", **options})


@dataclass(frozen=True)
class InputFile:
    """A file of an upstream stage, as a spec names it.

    Attributes:
        reference: Its path relative to the volume's root.
        sha256: Its SHA-256 in the upstream manifest.
    """

    reference: str
    sha256: str


def input_file(manifest: Manifest, file: ShardFile) -> InputFile:
    """Name a file of an upstream manifest for a spec."""
    return InputFile(manifest.reference(file), file.sha256)


def read_input(
    volume: Volume, file: InputFile, asset: str, row_group: int | None = None
) -> pa.Table:
    """Read a file of an upstream stage, after checking its SHA-256.

    Args:
        volume: Where the file is.
        file: The file.
        asset: Key of the asset that made it, for the error message.
        row_group: The one row group to read; None for the whole file.

    Raises:
        BadInputError: The file is missing, cannot be read or differs from its manifest.
    """
    with pq.ParquetFile(verified_path(volume, file, asset)) as parquet:
        return parquet.read() if row_group is None else parquet.read_row_group(row_group)


def verified_path(volume: Volume, file: InputFile, asset: str) -> Path:
    """Return the path of a file of an upstream stage, after checking its SHA-256.

    Raises:
        BadInputError: The file is missing, cannot be read or differs from its manifest.
    """
    path = volume.path(file.reference)
    try:
        found = _sha256_cached(path, path.stat().st_mtime_ns, path.stat().st_size)
    except FileNotFoundError:
        found = "missing"
    except OSError as error:  # making it again would not make it readable
        raise BadInputError(
            f"Cannot read {path}: {error.strerror}. Put that right, and run again."
        ) from error
    if found != file.sha256:
        raise BadInputError(
            f"{path} differs from its manifest (SHA-256 {file.sha256[:16]}…, found {found[:40]}): "
            f"materialize {asset} again, which makes only this file again, and then this asset."
        )
    return path


@lru_cache(maxsize=1024)
def _sha256_cached(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 (they are the key)
    """SHA-256 of a file, computed once by a worker that reads many of its row groups."""
    return sha256_of_file(path)
