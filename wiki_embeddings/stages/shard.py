"""What all stages share: a plan of shards, and how one shard is made once and recognised later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

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
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.volume import (
    StageName,
    Volume,
    digest_of,
    output_folder,
    sha256_of_file,
    written_atomically,
)


class ShardSpec(Protocol):
    """What every stage's spec has; the rest is the stage's own, small and without data."""

    @property
    def folder(self) -> str:
        """Reference of the output folder."""

    @property
    def name(self) -> str:
        """File name of the shard."""

    @property
    def units(self) -> int:
        """Work in it, in the plan's unit; decides only the order and the progress shown."""


SpecT = TypeVar("SpecT", bound=ShardSpec)

BoundBy: TypeAlias = Literal["core", "machine", "network"]


@dataclass(frozen=True)
class Report:
    """What came of one shard.

    Attributes:
        file: The finished file.
        reused: Whether an earlier run had made it.
        seconds: Wall time it took.
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
        upstream: What it is made from; None for a source.
        settings: All that decides the content, by stage; see `Manifest.settings`.
        make: Makes one shard; a function of a module, so that any process can find it.
        unit: What progress counts, in the plural.
        bound_by: What limits one shard: one processor core, the whole machine or the network.
        specs: One spec a shard.
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

    def manifest(self, files: Iterable[ShardFile]) -> Manifest:
        """The manifest of this plan once all its shards are finished."""
        return Manifest(
            wiki=self.wiki,
            stage=self.stage,
            folder=self.folder,
            upstream=self.upstream,
            settings=self.settings,
            files=tuple(sorted(files, key=lambda file: (file.min_id, file.name))),
        )


def folder_for(
    wiki: str, stage: StageName, upstream: Upstream | None, settings: Settings, version: str
) -> str:
    """Reference of the folder for what these settings make from that upstream."""
    made_by = {
        "upstream": upstream.digest if upstream else None,
        "settings": settings,
        "version": version,
    }
    return output_folder(wiki, stage, digest_of(made_by))


Describe: TypeAlias = Callable[[Path, str, Mapping[str, Statistic]], ShardFile]


def describe_parquet(path: Path, name: str, stats: Mapping[str, Statistic]) -> ShardFile:
    """Describe a Parquet file with an `id` column by what can be read back from it."""
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
    """Describe a file that holds no rows."""
    return ShardFile(name, 0, path.stat().st_size, sha256_of_file(path), -1, -1, 0, stats)


def make_once(
    spec: ShardSpec,
    volume: Volume,
    write: Callable[[Path], Mapping[str, Statistic]],
    describe: Describe = describe_parquet,
) -> Report:
    """Make a shard's file, unless an earlier run has finished it.

    Args:
        spec: The shard.
        volume: Where it goes.
        write: Writes the file to the path it is given and returns its statistics.
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
    """A Parquet writer with the project's settings."""
    return pq.ParquetWriter(path, schema, compression="zstd", **options)


@dataclass(frozen=True)
class InputFile:
    """A file that an earlier stage has made, as a spec names it.

    Attributes:
        reference: Its path relative to the volume's root.
        sha256: The SHA-256 that its manifest lists.
    """

    reference: str
    sha256: str


def input_file(manifest: Manifest, file: ShardFile) -> InputFile:
    """How a spec names a file of an upstream manifest."""
    return InputFile(manifest.reference(file), file.sha256)


def read_input(
    volume: Volume, file: InputFile, asset: str, row_group: int | None = None
) -> pa.Table:
    """Read a file that an upstream stage has made, once it is sure to be what was made.

    Args:
        volume: Where it lies.
        file: The file.
        asset: The asset that made it, to be named in an error.
        row_group: The one row group to read; None for the whole file.

    Raises:
        BadInputError: The file is missing or is not what its manifest lists.
    """
    path = volume.path(file.reference)
    try:
        found = _sha256_once(path, path.stat().st_mtime_ns, path.stat().st_size)
    except OSError as error:
        found = f"unreadable: {error.strerror}"
    if found != file.sha256:
        raise BadInputError(
            f"{path} is not what its manifest lists (SHA-256 {file.sha256[:16]}…, found "
            f"{found[:40]}): materialize {asset} again, which makes only this file again, "
            "and then this asset."
        )
    with pq.ParquetFile(path) as parquet:
        return parquet.read() if row_group is None else parquet.read_row_group(row_group)


@lru_cache(maxsize=1024)
def _sha256_once(path: Path, mtime_ns: int, size: int) -> str:  # noqa: ARG001 (they are the key)
    """SHA-256 of a file; a worker that reads many row groups of it computes it once."""
    return sha256_of_file(path)
