"""The stage that uploads the bytes of a dataset's files to the Hub, in several processes at once.

Each shard uploads one file and leaves a receipt on the volume. A receipt counts for one run only:
the next run asks the Hub what it has, because the Hub clears away what no commit names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings.manifest import Manifest, Statistic
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import (
    InputFile,
    Plan,
    Report,
    describe_plain,
    folder_for,
    input_file,
    make_once,
)
from wiki_embeddings.volume import Volume, canonical_json

VERSION = "1"


@dataclass(frozen=True)
class UploadSpec:
    """One file to upload.

    Attributes:
        folder: Reference of the receipts' folder.
        name: File name of the receipt.
        units: Bytes in the file.
        repo_id: Name of the dataset on the Hub.
        path: Path of the file in the repository.
        file: The file on the volume.
    """

    folder: str
    name: str
    units: int
    repo_id: str
    path: str
    file: InputFile


def plan(
    manifest: Manifest,
    repo_id: str,
    missing: Sequence[int],
    run_id: str,
    *,
    replace_existing: bool = False,
) -> Plan[UploadSpec]:
    """Plan the uploads of a dataset.

    Args:
        manifest: Manifest of the dataset.
        repo_id: Name of the dataset on the Hub.
        missing: Indices in `manifest.files` of the files that the Hub does not have.
        run_id: Id of the run; its receipts count for no other.
        replace_existing: Whether the run may replace what this project has not published; only
            for the command that continues it.
    """
    settings: Mapping[Any, Any] = {
        **manifest.settings,
        "uploads": {"repo_id": repo_id, "run": run_id, "replace_existing": replace_existing},
    }
    upstream = manifest.as_upstream()
    folder = folder_for(manifest.wiki, "uploads", upstream, settings, VERSION)
    return Plan(
        wiki=manifest.wiki,
        stage="uploads",
        folder=folder,
        upstream=upstream,
        settings=settings,
        make=upload_file,
        unit="bytes",
        bound_by="network",
        specs=tuple(
            UploadSpec(
                folder=folder,
                name=f"{file.name}.json",
                units=file.bytes,
                repo_id=repo_id,
                path=file.name,
                file=input_file(manifest, file),
            )
            for file in (manifest.files[index] for index in missing)
        ),
    )


def upload_file(spec: UploadSpec, volume: Volume, progress: Progress) -> Report:
    """Upload one file and write its receipt.

    Raises:
        BadInputError: The file is missing or altered, or the Hub refuses it for good.
        UnusableVolumeError: The receipt cannot be stored.
        OutageError: The Hub or its store cannot be reached, or stays busy.
    """

    def write(receipt: Path) -> dict[str, Statistic]:
        from wiki_embeddings.publishing.file_transfer import transfer_file  # loads the Hub's client

        transfer_file(spec.repo_id, spec.path, volume.path(spec.file.reference), spec.file.sha256)
        progress(spec.units)
        receipt.write_bytes(
            canonical_json({"repo_id": spec.repo_id, "path": spec.path, "sha256": spec.file.sha256})
        )
        return {}

    return make_once(spec, volume, write, describe=describe_plain)
