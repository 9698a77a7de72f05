"""How well the index of a dataset finds what an exact search finds, and how even its lists are.

Measured on the volume with stored vectors as questions, at the settings of every search. The exact
nearest rows come from the shards of codes, which noted some candidates each. What is found is
recorded beside the dataset, not in its manifest, because it decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from wiki_embeddings.asset_keys import HUB_DATASET
from wiki_embeddings.manifest import Manifest, Upstream, existing_manifest, unchanged_manifest
from wiki_embeddings.search.byte_ranges import FolderRanges
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings.stages.index import NEAREST, code_files, read_trained
from wiki_embeddings.stages.shard import input_file, verified_path
from wiki_embeddings.volume import Files, Volume, canonical_json, index_quality_record

COUNTED = 10
"""Nearest rows that recall counts."""

_SAME_VECTOR = 0.999
"""A row with this score is the question itself, or a copy of it."""

_ROUNDING = 1e-6
"""By which a score differs with the order of its sum."""


@dataclass(frozen=True)
class IndexQuality:
    """What was measured.

    Attributes:
        questions: Number of questions.
        recall: Share of their ten nearest rows that a search with the index finds.
        lists: Number of lists.
        largest_list: Rows of the largest list, over the mean.
        bytes_per_question: What a search reads, without the texts of the answers.
    """

    questions: int
    recall: float
    lists: int
    largest_list: float
    bytes_per_question: int


def measure(volume: Volume, folder: str) -> IndexQuality:
    """Measure the index of a dataset, and record the result.

    Args:
        volume: Where the dataset is.
        folder: Reference of its folder.

    Raises:
        BadInputError: The index is damaged.
        UnusableVolumeError: The result cannot be stored.
    """
    dataset = existing_manifest(volume, folder)
    codes = unchanged_manifest(volume, Upstream(**dataset.settings["hub"]["index"]))
    questions = _questions(volume, codes)
    files = FolderRanges(volume.path(folder))
    rows = IndexedRows(files)
    try:
        before = files.traffic.bytes
        found = [_others(rows.nearest_rows(each, NEAREST)[1]) for each in questions]
        read = files.traffic.bytes - before
        exact = [
            _others(np.sort(rows.vectors(near.tolist()) @ question)[::-1])
            for near, question in zip(_nearest_rows(volume, codes), questions, strict=True)
        ]
    finally:
        rows.close()
    pairs = list(zip(found, exact, strict=True))
    hits = sum(int((one >= best[-1] - _ROUNDING).sum()) for one, best in pairs if best.size)
    list_rows = rows.head.list_rows
    quality = IndexQuality(
        questions=len(questions),
        recall=round(hits / max(1, sum(best.size for best in exact)), 4),
        lists=len(list_rows),
        largest_list=round(float(list_rows.max() / list_rows.mean()), 2),
        bytes_per_question=read // max(1, len(questions)),
    )
    volume.write_bytes(index_quality_record(folder), canonical_json(asdict(quality)))
    return quality


def read_quality(files: Files, folder: str) -> IndexQuality | None:
    """Read what was measured of a dataset's index; None if that was not recorded."""
    try:
        return IndexQuality(**json.loads(files.read_bytes(index_quality_record(folder))))
    # A record that cannot be read is as good as none: it is measured again.
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _questions(volume: Volume, codes: Manifest) -> npt.NDArray[np.float32]:
    """Read the questions, as unit vectors."""
    centroids = unchanged_manifest(volume, Upstream(**codes.settings["index"]["centroids"]))
    file = verified_path(volume, input_file(centroids, centroids.files[0]), HUB_DATASET)
    questions = read_trained(file).questions.astype(np.float32)
    unit: npt.NDArray[np.float32] = questions / np.linalg.norm(questions, axis=1, keepdims=True)
    return unit


def _nearest_rows(volume: Volume, codes: Manifest) -> Sequence[npt.NDArray[np.int64]]:
    """Merge what the shards noted: for each question the nearest rows of all."""
    rows: npt.NDArray[np.int64] | None = None
    scores = np.zeros(0, np.int64)
    for file in code_files(volume, codes):
        with safe_open(file, "numpy") as tensors:
            more = tensors.get_tensor("nearest_rows").astype(np.int64)
            more_scores = tensors.get_tensor("nearest_scores").astype(np.int64)
        rows = more if rows is None else np.concatenate([rows, more], axis=1)
        scores = np.concatenate([scores, more_scores], axis=1) if scores.size else more_scores
        best = np.argsort(-scores, axis=1, kind="stable")[:, :NEAREST]
        rows, scores = (np.take_along_axis(part, best, axis=1) for part in (rows, scores))
    return [] if rows is None else list(rows)


def _others(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the best scores, without those of the question itself and its copies."""
    return scores[scores < _SAME_VECTOR][:COUNTED]
