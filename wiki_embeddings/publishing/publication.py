"""A publication: a dataset's files with its card and record, on the Hub or in a local folder.

The files depend only on what they were made from. The card also says how fast the vectors were
computed and what changed since the previous snapshot. The record lists for machines exactly what is
published, so that publishing the same again is known to change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings import card, settings
from wiki_embeddings.certificate import Certificate, read_certificate
from wiki_embeddings.dataset_layout import CARD, RECORD
from wiki_embeddings.manifest import Manifest, ShardFile, read_manifest, upstream_manifest
from wiki_embeddings.stages.changes import CHANGE_COUNTS
from wiki_embeddings.volume import Files, index_quality_record, throughput_record

_FORMAT = 1

_FILE_FIELDS = ("name", "rows", "bytes", "sha256")


@dataclass(frozen=True)
class Publication:
    """What is published.

    Attributes:
        digest: Digest of the dataset's manifest.
        snapshot: Date of the edition, `YYYYMMDD`.
        files: The data files.
        texts: The card and the record by file name, UTF-8.
    """

    digest: str
    snapshot: str
    files: tuple[ShardFile, ...]
    texts: Mapping[str, bytes]


def compose(
    files: Files,
    manifest: Manifest,
    earlier_record: Mapping[str, Any] | None,
    repo_id: str | None = None,
    tag: str | None = None,
) -> Publication:
    """Compose the publication of a dataset.

    Args:
        files: The volume's small files.
        manifest: Manifest of the dataset.
        earlier_record: Record of what is published now; None if there is none.
        repo_id: Name of the dataset on the Hub; None for a local folder.
        tag: Its tag there; by default its snapshot.

    Raises:
        BadInputError: The manifest of the embeddings is missing, or a setting is invalid.
    """
    vectors = upstream_manifest(files, manifest)
    summary = card.summary(vectors)
    previous = _previous_summary(earlier_record, summary)
    data_files = tuple(file for file in manifest.files if file.name != CARD)
    text = card.card(
        vectors,
        throughput=read_throughput(files, vectors.folder),
        index_quality=_read_index_quality(files, manifest),
        certificate=_certificate_of(files, vectors),
        previous=previous,
        is_first=previous is None,
        changes_since=_changes_since(manifest),
        repo_id=repo_id,
        tag=tag,
        code_url=settings.code_url(),
    )
    record = {
        "format": _FORMAT,
        "digest": manifest.digest,
        "summary": summary,
        "previous": previous,
        "files": [
            {field: getattr(file, field) for field in _FILE_FIELDS if field != "rows" or file.rows}
            for file in data_files
        ],
    }
    return Publication(
        digest=manifest.digest,
        snapshot=str(manifest.settings["raw"]["snapshot"]),
        files=data_files,
        texts={
            CARD: text.encode(),
            RECORD: json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True).encode(),
        },
    )


def _changes_since(manifest: Manifest) -> str | None:
    """Return the snapshot that the file of changes starts from; None without any change.

    `datasets` fails on a config without rows.
    """
    since = manifest.settings["hub"].get("changes_since")
    has_rows = any(manifest.totals.get(name) for name in CHANGE_COUNTS)
    return str(since["snapshot"]) if since and has_rows else None


def _read_index_quality(files: Files, manifest: Manifest) -> Mapping[str, Any] | None:
    """Read how well the index finds rows; None without an index."""
    if "index" not in manifest.settings["hub"]:
        return None
    try:
        record: Mapping[str, Any] = json.loads(
            files.read_bytes(index_quality_record(manifest.folder))
        )
    except FileNotFoundError:
        return None
    return record


def _certificate_of(files: Files, vectors: Manifest) -> Certificate | None:
    """Read how complete the articles are that vectors were made from; None if it is unknown."""
    chunks = read_manifest(files, vectors.upstream.folder) if vectors.upstream else None
    return read_certificate(files, chunks.upstream.folder) if chunks and chunks.upstream else None


def read_throughput(files: Files, folder: str) -> Mapping[str, Any] | None:
    """Read how fast vectors were computed; None if that was not recorded.

    Args:
        files: The volume's small files.
        folder: Reference of the folder of the embeddings.
    """
    try:
        record: Mapping[str, Any] = json.loads(files.read_bytes(throughput_record(folder)))
    except FileNotFoundError:
        return None
    return record


def _previous_summary(
    earlier_record: Mapping[str, Any] | None, summary: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Return the summary of the previous snapshot; a repair keeps the one it had."""
    if earlier_record is None:
        return None
    is_repair = earlier_record["summary"] == summary
    previous: Mapping[str, Any] | None = earlier_record["previous" if is_repair else "summary"]
    return previous


def parse_record(content: bytes) -> Mapping[str, Any] | None:
    """Parse the record of a publication; None if it is not one of this format."""
    try:
        record = json.loads(content)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        return None
    previous = record.get("previous")
    is_valid = (
        isinstance(record.get("digest"), str)
        and card.is_summary(record.get("summary"))
        and (previous is None or card.is_summary(previous))
    )
    return record if is_valid else None
