"""Index: lists of codes around centroids, for a search that reads few of them.

Three maps. One shard finds the centroids on a sample of the vectors. Then each shard of embeddings
becomes a file of codes, ordered by list. Last, each file of lists gathers its lists from all of
these; it is a file of the published dataset, and so is the head, which also says where the rows of
the data files lie. All of it is the same bytes wherever and however often it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from wiki_embeddings.asset_keys import EMBEDDINGS, HUB_DATASET
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    Statistic,
    Upstream,
    finished_shard,
    unchanged_manifest,
)
from wiki_embeddings.schemas import stored_vectors
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.index_plan import (
    CentroidsSpec,
    CodesSpec,
    HeadSpec,
    IndexSpec,
    ListsSpec,
    lists_specs,
)
from wiki_embeddings.stages.shard import (
    Report,
    describe_plain,
    input_file,
    make_once,
    read_input,
    verified_path,
)
from wiki_embeddings.vector_index import head as heads
from wiki_embeddings.vector_index.kmeans import train
from wiki_embeddings.vector_index.pages import RowGroup, locate_row_groups
from wiki_embeddings.vector_index.quantization import (
    Integers,
    choose_step,
    encode,
    nearest_centroids,
    quantize,
    record_type,
)
from wiki_embeddings.volume import Volume

_SAMPLED_SHARDS = 200
"""Shards that the sample is taken from, evenly spread over all."""

NEAREST = 16
"""Nearest rows of each question that a shard notes: some more than ten, because their scores are
those of rounded vectors."""

_QUESTIONS_AT_ONCE = 64


@dataclass(frozen=True)
class Trained:
    """What was found on a sample of the vectors.

    Attributes:
        centroids: int8 of shape `(lists, dimensions)`.
        questions: Stored vectors to measure with, float16 of shape `(questions, dimensions)`.
        step: Step of quantization.
    """

    centroids: Integers
    questions: npt.NDArray[np.float16]
    step: float


def make_index_file(spec: IndexSpec, volume: Volume, progress: Progress) -> Report:
    """Make one file of an index, or of what it is made from."""

    def write(path: Path) -> Mapping[str, Statistic]:
        match spec:
            case CentroidsSpec():
                return _write_centroids(path, spec, volume, progress)
            case CodesSpec():
                return _write_codes(path, spec, volume, progress)
            case ListsSpec():
                return _write_lists(path, spec, volume)
            case HeadSpec():
                return _write_head(path, spec, volume)

    return make_once(spec, volume, write, describe=describe_plain)


def _write_centroids(
    path: Path, spec: CentroidsSpec, volume: Volume, progress: Progress
) -> Mapping[str, Statistic]:
    vectors = unchanged_manifest(volume, spec.embeddings)
    sample = np.concatenate(list(_sample(volume, vectors, spec.units)))
    progress(spec.units)
    step = choose_step(sample)
    questions = min(spec.questions, len(sample))
    chosen = np.arange(questions) * len(sample) // max(1, questions)
    centroids = train(quantize(sample, step), spec.lists)
    tensors = {"centroids": centroids, "questions": sample[chosen]}
    save_file(tensors, path, {"step": repr(step)})
    return {"lists": len(centroids)}


def _sample(volume: Volume, vectors: Manifest, wanted: int) -> Iterator[npt.NDArray[np.float16]]:
    """Read vectors from shards that are evenly spread, and evenly spread rows of each."""
    files = [file for file in vectors.files if file.rows]
    number = min(len(files), _SAMPLED_SHARDS)
    chosen = [files[len(files) * each // number] for each in range(number)]
    share = min(1.0, wanted / sum(file.rows for file in chosen))
    for file in chosen:
        stored = stored_vectors(read_input(volume, input_file(vectors, file), EMBEDDINGS))
        rows = max(1, round(len(stored) * share))
        yield stored[np.arange(rows) * len(stored) // rows]


def read_trained(path: Path) -> Trained:
    """Read a file of centroids."""
    with safe_open(path, "numpy") as file:
        return Trained(
            file.get_tensor("centroids"),
            file.get_tensor("questions"),
            float(file.metadata()["step"]),
        )


def _write_codes(
    path: Path, spec: CodesSpec, volume: Volume, progress: Progress
) -> Mapping[str, Statistic]:
    trained = read_trained(verified_path(volume, spec.centroids, HUB_DATASET))
    stored = stored_vectors(read_input(volume, spec.vectors, EMBEDDINGS))
    vectors = quantize(stored, trained.step)
    lists = nearest_centroids(vectors, trained.centroids)
    order = np.argsort(lists, kind="stable")
    records = np.empty(len(vectors), record_type(vectors.shape[1]))
    records["code"], records["scale"] = encode(
        vectors[order], trained.centroids[lists[order]], trained.step
    )
    records["row"] = spec.first_row + order
    scores, rows = _nearest(quantize(trained.questions, trained.step), vectors)
    tensors: dict[str, npt.NDArray[Any]] = {
        "list_rows": np.bincount(lists, minlength=len(trained.centroids)).astype(np.uint32),
        "records": records.view(np.uint8),
        "nearest_rows": (rows + spec.first_row).astype(np.uint32),
        "nearest_scores": scores,
    }
    save_file(tensors, path)
    progress(len(vectors))
    return {"max_lists": len(trained.centroids), "coded_rows": len(vectors)}


def _nearest(
    questions: Integers, vectors: Integers
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Find the nearest rows of each question by the exact dot products of rounded vectors.

    Returns:
        Scores and row numbers, of shape `(questions, at most NEAREST)`, best first.
    """
    count = min(NEAREST, len(vectors))
    if not count:
        return np.zeros((len(questions), 0), np.int32), np.zeros((len(questions), 0), np.int64)
    transposed = vectors.T.astype(np.float32)
    found = []
    blocks = np.array_split(questions.astype(np.float32), -(-len(questions) // _QUESTIONS_AT_ONCE))
    for scores in (row for block in blocks for row in block @ transposed):
        least = np.partition(scores, -count)[-count]
        rows = np.flatnonzero(scores >= least)
        # Of equal scores the lower row, whatever order the processor partitions them in.
        best = rows[np.argsort(-scores[rows], kind="stable")][:count]
        found.append((scores[best].astype(np.int32), best))
    scores, rows = (np.stack(part) for part in zip(*found, strict=True))
    return scores, rows


def code_files(volume: Volume, codes: Manifest) -> Iterator[Path]:
    """Give the paths of the shards of codes in the order of their rows, each one verified."""
    for file in sorted(codes.files, key=lambda file: file.name):
        yield verified_path(volume, input_file(codes, file), HUB_DATASET)


def _write_lists(path: Path, spec: ListsSpec, volume: Volume) -> Mapping[str, Statistic]:
    codes = unchanged_manifest(volume, spec.codes)
    assert codes.upstream  # noqa: S101 (they are made from embeddings)
    wanted = slice(spec.first, spec.first + spec.lists)
    list_rows = _count_list_rows(volume, codes)[wanted]
    record = record_type(int(codes.settings["embeddings"]["dimensions"]))
    gathered = np.empty(int(list_rows.sum()), record)
    next_free = np.cumsum(list_rows) - list_rows
    for file in code_files(volume, codes):
        with safe_open(file, "numpy") as tensors:
            rows = tensors.get_tensor("list_rows").astype(np.int64)
            first, count = int(rows[: spec.first].sum()), rows[wanted]
            size = record.itemsize
            begin, end = first * size, (first + int(count.sum())) * size
            part = np.ascontiguousarray(tensors.get_slice("records")[begin:end]).view(record)
        starts = np.cumsum(count) - count
        gathered[np.repeat(next_free - starts, count) + np.arange(len(part))] = part
        next_free += count
    ends = np.cumsum(list_rows).tolist()
    with path.open("wb") as output:
        for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False), spec.first):
            content = gathered[begin:end].tobytes()
            output.write(content + heads.list_crc(codes.upstream.digest, number, content))
    return {}


def _count_list_rows(volume: Volume, codes: Manifest) -> npt.NDArray[np.int64]:
    """Count the rows of each list in all shards."""
    total = np.zeros(0, np.int64)
    for file in code_files(volume, codes):
        with safe_open(file, "numpy") as tensors:
            rows = tensors.get_tensor("list_rows").astype(np.int64)
        total = total + rows if total.size else rows
    return total


def _write_head(path: Path, spec: HeadSpec, volume: Volume) -> Mapping[str, Statistic]:
    codes = unchanged_manifest(volume, spec.codes)
    assert codes.upstream  # noqa: S101 (they are made from embeddings)
    centroids = unchanged_manifest(volume, Upstream(**codes.settings["index"]["centroids"]))
    trained = read_trained(
        verified_path(volume, input_file(centroids, centroids.files[0]), HUB_DATASET)
    )
    list_rows = _count_list_rows(volume, codes)
    located = [_locate(volume, spec.folder, name) for name in spec.data_files]
    head = heads.IndexHead(
        embeddings=codes.upstream.digest,
        step=trained.step,
        centroids=trained.centroids,
        list_rows=list_rows.astype(np.uint32),
        list_files=tuple(
            heads.ListFile(each.name, each.lists) for each in lists_specs(spec.folder, codes)
        ),
        files=tuple(file for file, _ in located),
        row_groups=tuple(group for _, groups in located for group in groups),
    )
    content = heads.to_bytes(head)
    heads.from_bytes(content, spec.name)  # refuses numbers that contradict each other
    path.write_bytes(content)
    return {"max_list_rows": int(list_rows.max(initial=0)), "index_lists": len(list_rows)}


def _locate(volume: Volume, folder: str, name: str) -> tuple[heads.IndexedFile, list[RowGroup]]:
    """Find out where the rows of a data file lie, which an earlier map made."""
    made = finished_shard(volume, folder, name)
    if made is None:
        raise BadInputError(
            f"{name} has changed since it was made: materialize hub_dataset again, which makes it "
            "anew."
        )
    with (volume.path(folder) / name).open("rb") as file:
        footer_bytes, groups = locate_row_groups(file, made.bytes)
    return heads.IndexedFile(name, made.bytes, made.sha256, footer_bytes, len(groups)), groups
