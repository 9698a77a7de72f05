"""Manifests list a stage's output. They are written last: an output is complete if it has one.

Each shard also has a report beside the output folder, so that a rerun recognises a finished shard
by its content even if no manifest was ever written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import (
    MANIFEST,
    Files,
    StageName,
    Volume,
    canonical_json,
    current_record,
    reports_folder,
    sha256_of,
    sha256_of_file,
)

FORMAT = 2
"""Format of manifests and shard reports, statistics included. Raised when a reader of the old
format would misread the new one or miss something in it."""

Statistic: TypeAlias = int | float | list[int]

HISTOGRAM_BIN_TOKENS = 16
"""Width of a bin of the statistic `tokens_histogram`; the first bin begins at 0."""

Settings: TypeAlias = Mapping[StageName, Mapping[str, Any]]


@dataclass(frozen=True)
class ShardFile:
    """One finished file of a stage.

    Attributes:
        name: File name inside the stage's output folder.
        rows: Number of rows.
        bytes: Size of the file in bytes.
        sha256: SHA-256 of the file, in hexadecimal.
        min_id: Smallest page id in it; -1 for a file without articles.
        max_id: Largest page id in it; -1 for a file without articles.
        row_groups: Number of Parquet row groups; 0 for a file that is not Parquet.
        stats: Statistics that add up over files: counts by sum, `min_…` and `max_…` by extreme,
            lists element by element.
        effort: Statistics of how it was made, which decide nothing: the same file made in another
            way is the same. See `stages.reuse`.
    """

    name: str
    rows: int
    bytes: int
    sha256: str
    min_id: int
    max_id: int
    row_groups: int
    stats: Mapping[str, Statistic]
    effort: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Upstream:
    """The output that another one was made from.

    Attributes:
        folder: Reference of its folder.
        digest: Digest of its manifest.
    """

    folder: str
    digest: str


@dataclass(frozen=True)
class Manifest:
    """The output of a stage for one wiki under one set of settings.

    Attributes:
        wiki: The wiki.
        stage: The stage.
        folder: Reference of the output folder on the volume.
        upstream: The output that this was made from; None for a source.
        settings: Everything that decided the content: the settings of this stage and of those
            before it, by stage. JSON values.
        files: The files, by ascending page id.
        model_folder: Path of the model's folder when this was made last; None for a model on the
            Hub. It decides nothing: the settings name the model by its content.
    """

    wiki: str
    stage: StageName
    folder: str
    upstream: Upstream | None
    settings: Settings
    files: tuple[ShardFile, ...]
    model_folder: str | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the data: equal digests mean equal data."""
        content = self.content()
        del content["model_folder"]
        return sha256_of(canonical_json(content))

    def content(self) -> dict[str, Any]:
        """Return all but the files' effort, which differs from run to run, as a JSON value."""
        content = asdict(self)
        for file in content["files"]:
            del file["effort"]
        return content

    @cached_property
    def totals(self) -> dict[str, Statistic]:
        """The statistics of all files, added up."""
        return merged_stats(file.stats for file in self.files)

    def effort(self, name: str) -> int:
        """Add up one of the files' statistics of how they were made; 0 if none has it."""
        return sum(file.effort.get(name, 0) for file in self.files)

    @property
    def rows(self) -> int:
        """Number of rows in all files."""
        return sum(file.rows for file in self.files)

    @property
    def bytes(self) -> int:
        """Size of all files in bytes."""
        return sum(file.bytes for file in self.files)

    def total(self, name: str) -> int:
        """Return one count of `totals`.

        Raises:
            KeyError: A file with rows lacks it, so the sum would be too small.
        """
        if any(file.rows and name not in file.stats for file in self.files):
            raise KeyError(f"a file in {self.folder} has no {name}")
        value = self.totals.get(name, 0)
        if not isinstance(value, int):
            raise TypeError(f"{name} is not a count")
        return value

    def as_upstream(self) -> Upstream:
        """Refer to this output from one that is made from it."""
        return Upstream(self.folder, self.digest)

    def reference(self, file: ShardFile) -> str:
        """Return a file's path relative to the volume's root."""
        return f"{self.folder}/{file.name}"


def merged_stats(many: Iterable[Mapping[str, Statistic]]) -> dict[str, Statistic]:
    """Add up the statistics of files, key by key."""
    merged: dict[str, Statistic] = {}
    for stats in many:
        for key, value in stats.items():
            merged[key] = _merged(key, merged[key], value) if key in merged else value
    return merged


def _merged(key: str, one: Statistic, other: Statistic) -> Statistic:
    if isinstance(one, list) and isinstance(other, list):
        return [a + b for a, b in zip(one, other, strict=True)]
    if isinstance(one, list) or isinstance(other, list):
        raise TypeError(f"{key} is a list in one file and a number in another")
    if key.startswith("min_"):
        return min(one, other)
    if key.startswith("max_"):
        return max(one, other)
    return one + other


def write_manifest(files: Files, manifest: Manifest) -> None:
    """Write a manifest into its folder, which completes the output.

    Raises:
        WikiEmbeddingsError: It cannot be stored.
    """
    content = {
        "format": FORMAT,
        **manifest.content(),
        # For people who open the file; readers recompute it from `files`.
        "totals": {"rows": manifest.rows, "bytes": manifest.bytes, **manifest.totals},
        "digest": manifest.digest,
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    files.write_bytes(manifest_path(manifest.folder), text.encode())


def read_manifest(files: Files, folder: str) -> Manifest | None:
    """Read the manifest of an output folder; None if the output is not complete.

    Raises:
        BadInputError: The file is not a manifest of this format, or it was altered.
    """
    where = files.where(manifest_path(folder))
    try:
        content = json.loads(files.read_bytes(manifest_path(folder)))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _unreadable(where, "is not JSON") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise _unreadable(where, f"has format {found!r}, not {FORMAT}")
    try:
        manifest = _parse_manifest(content)
    except (KeyError, TypeError) as error:
        raise _unreadable(where, f"is incomplete ({error})") from error
    if manifest.digest != content.get("digest"):
        raise _unreadable(where, "does not match its own digest")
    return manifest


def existing_manifest(files: Files, folder: str) -> Manifest:
    """Read the manifest of an output folder that was completed before.

    Raises:
        BadInputError: The manifest is missing, altered or of another format.
    """
    manifest = read_manifest(files, folder)
    if manifest is None:
        raise BadInputError(
            f"{files.where(manifest_path(folder))} is missing: materialize the asset again; "
            "finished shards are recognised and kept."
        )
    return manifest


def upstream_manifest(files: Files, manifest: Manifest) -> Manifest:
    """Read the manifest of an output's upstream.

    Raises:
        BadInputError: It is missing or has changed since.
    """
    if manifest.upstream is None:
        raise BadInputError(f"{manifest.folder} comes from a source: it has no upstream.")
    return unchanged_manifest(files, manifest.upstream)


def unchanged_manifest(files: Files, upstream: Upstream) -> Manifest:
    """Read an upstream's manifest, and require that it has not changed.

    Raises:
        BadInputError: It is missing or has changed.
    """
    manifest = existing_manifest(files, upstream.folder)
    if manifest.digest != upstream.digest:
        raise BadInputError(
            f"{upstream.folder} has changed since the next stage was made from it: materialize "
            "both again, in this order."
        )
    return manifest


def write_current(files: Files, embeddings: Manifest) -> None:
    """Make embeddings the ones that are searched; does nothing if they are already.

    Args:
        files: Where they are.
        embeddings: Their manifest; their checks have passed.

    Raises:
        WikiEmbeddingsError: The record cannot be stored.
    """
    if read_current(files, embeddings.wiki) != embeddings.as_upstream():
        content = canonical_json({"format": FORMAT, **asdict(embeddings.as_upstream())})
        files.write_bytes(current_record(embeddings.wiki), content)


def read_current(files: Files, wiki: str) -> Upstream | None:
    """Read which embeddings of a wiki are searched.

    Returns:
        Their folder and digest; None if no record of this format is there, as before release 0.2.
    """
    try:
        content = json.loads(files.read_bytes(current_record(wiki)))
        return Upstream(**content) if content.pop("format") == FORMAT else None
    # A record that cannot be read is as good as none: Dagster knows the same.
    except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None


def manifest_path(folder: str) -> str:
    """Return the reference of the manifest of an output folder."""
    return f"{folder}/{MANIFEST}"


def _parse_manifest(content: Mapping[str, Any]) -> Manifest:
    return Manifest(
        wiki=content["wiki"],
        stage=content["stage"],
        folder=content["folder"],
        upstream=Upstream(**content["upstream"]) if content["upstream"] else None,
        settings=content["settings"],
        files=tuple(ShardFile(**file) for file in content["files"]),
        model_folder=content.get("model_folder"),
    )


def _unreadable(where: str, what: str) -> BadInputError:
    return BadInputError(
        f"The manifest {where} {what}: delete it and materialize the asset again; finished shards "
        "are recognised and kept."
    )


def write_report(volume: Volume, folder: str, file: ShardFile) -> None:
    """Write the report of a finished shard.

    Raises:
        UnusableVolumeError: The disk is full, or the folder cannot be written to.
    """
    content = {"format": FORMAT, **asdict(file)}
    volume.write_bytes(_report_path(folder, file.name), canonical_json(content))


def finished_shard(
    volume: Volume, folder: str, name: str, *, thorough: bool = True
) -> ShardFile | None:
    """Read the report of a shard that an earlier run finished, if its file is unchanged.

    Args:
        volume: Where the shard is.
        folder: Reference of the output folder.
        name: File name of the shard.
        thorough: True to compare the SHA-256, so that an altered file counts as unfinished. False
            to compare only the size, which is enough just after the file was written.
    """
    path = volume.path(folder) / name
    try:
        content = json.loads(volume.read_bytes(_report_path(folder, name)))
        if content.pop("format") != FORMAT:
            return None
        file = ShardFile(**content)
        if path.stat().st_size != file.bytes:
            return None
    # A shard whose report is unreadable is made again.
    except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None
    return file if not thorough or sha256_of_file(path) == file.sha256 else None


def reported_names(volume: Volume, folder: str) -> list[str]:
    """List the shards that a run reported as finished; their files may have been damaged since."""
    reports = volume.path(reports_folder(folder))
    found = sorted(path.relative_to(reports).as_posix() for path in reports.rglob("*.json"))
    return [name.removesuffix(".json") for name in found]


def _report_path(folder: str, name: str) -> str:
    return f"{reports_folder(folder)}/{name}.json"
