"""A publication: a dataset with what only its publishing can tell, on the Hub or in a local folder.

The files of a dataset depend on nothing but what they were made from. Its card also tells how fast
the vectors were computed and what has changed since the snapshot before; and a file for machines
beside it says exactly what is published, so that publishing it again is known to change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wiki_embeddings import card
from wiki_embeddings.dataset_layout import CARD, RECORD
from wiki_embeddings.manifest import Manifest, ShardFile, upstream_manifest
from wiki_embeddings.volume import Files, throughput_record

_FORMAT = 1

_FILE_FACTS = ("name", "rows", "bytes", "sha256")


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
    published: Manifest,
    earlier: Mapping[str, Any] | None,
    repo_id: str | None = None,
    tag: str | None = None,
) -> Publication:
    """Put a publication together.

    Args:
        files: The volume's small files.
        published: Manifest of the dataset.
        earlier: The record of what has this place now; None where there is nothing.
        repo_id: Name of the dataset on the Hub; None for a local folder.
        tag: Tag that it gets there; by default its snapshot.

    Raises:
        BadInputError: The manifest that it was made from is gone.
    """
    vectors = upstream_manifest(files, published)
    summary = card.summary(vectors)
    previous = _previous(earlier, summary)
    text = card.card(
        vectors,
        throughput=throughput(files, vectors.folder),
        previous=previous,
        is_first=previous is None,
        repo_id=repo_id,
        tag=tag,
    )
    record = {
        "format": _FORMAT,
        "digest": published.digest,
        "summary": summary,
        "previous": previous,
        "files": [
            {fact: getattr(file, fact) for fact in _FILE_FACTS if fact != "rows" or file.rows}
            for file in _data_files(published)
        ],
    }
    return Publication(
        digest=published.digest,
        snapshot=str(published.settings["raw"]["snapshot"]),
        files=_data_files(published),
        texts={
            CARD: text.encode(),
            RECORD: json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True).encode(),
        },
    )


def throughput(files: Files, folder: str) -> Mapping[str, Any] | None:
    """How fast vectors were computed, if it was written down (`throughput.remember`).

    Args:
        files: The volume's small files.
        folder: Reference of the folder of the embeddings.
    """
    try:
        record: Mapping[str, Any] = json.loads(files.read_bytes(throughput_record(folder)))
    except FileNotFoundError:
        return None
    return record


def _data_files(published: Manifest) -> tuple[ShardFile, ...]:
    return tuple(file for file in published.files if file.name != CARD)


def _previous(
    earlier: Mapping[str, Any] | None, summary: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Summary of what was published before; what is only repaired has the same one as before."""
    if earlier is None:
        return None
    if earlier["summary"] == summary:
        previous: Mapping[str, Any] | None = earlier["previous"]
        return previous
    return dict(earlier["summary"])


def read_record(content: bytes) -> Mapping[str, Any] | None:
    """Read the record of a publication; None where it is not one of this format."""
    try:
        record = json.loads(content)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        return None
    previous = record.get("previous")
    sound = isinstance(record.get("digest"), str) and card.is_summary(record.get("summary"))
    return record if sound and (previous is None or card.is_summary(previous)) else None
