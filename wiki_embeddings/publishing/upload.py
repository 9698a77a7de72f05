"""Upload: the bytes of a dataset's files to the Hub, each once, by several processes at a time.

What comes of a file is a receipt on the volume. It counts for one run: which files the Hub has is
asked of the Hub, which clears away what no commit names.
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
        folder: Reference of the folder of receipts.
        name: File name of the receipt.
        units: Bytes in the file.
        repo_id: Name of the dataset on the Hub.
        path: What the file is called there.
        file: The file on the volume.
    """

    folder: str
    name: str
    units: int
    repo_id: str
    path: str
    file: InputFile


def plan(published: Manifest, repo_id: str, missing: Sequence[int], run: str) -> Plan[UploadSpec]:
    """Plan the uploads of a dataset.

    Args:
        published: Manifest of the dataset.
        repo_id: Name of the dataset on the Hub.
        missing: Places in it of the files that the Hub does not have.
        run: Name of the run, whose receipts count for no other.
    """
    where = {"repo_id": repo_id, "run": run}
    settings: Mapping[Any, Any] = {**published.settings, "uploads": where}
    upstream = published.as_upstream()
    folder = folder_for(published.wiki, "uploads", upstream, settings, VERSION)
    return Plan(
        wiki=published.wiki,
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
                file=input_file(published, file),
            )
            for file in (published.files[place] for place in missing)
        ),
    )


def upload_file(spec: UploadSpec, volume: Volume, progress: Progress) -> Report:
    """Upload one file and write its receipt.

    Raises:
        BadInputError: The file is gone or altered, or the Hub refuses it for good.
        UnusableVolumeError: The receipt cannot be stored.
        WikiEmbeddingsError: The Hub cannot be reached.
    """

    def write(receipt: Path) -> dict[str, Statistic]:
        from wiki_embeddings.publishing.file_transfer import upload  # loads the Hub's client

        upload(spec.repo_id, spec.path, volume.path(spec.file.reference), spec.file.sha256)
        progress(spec.units)
        receipt.write_bytes(
            canonical_json({"repo_id": spec.repo_id, "path": spec.path, "sha256": spec.file.sha256})
        )
        return {}

    return make_once(spec, volume, write, describe=describe_plain)
