"""Index: lists of codes around centroids, for a search that reads few of them.

Three maps. One shard finds the centroids on a sample of the vectors. Then each shard of embeddings
becomes a file of codes, ordered by list. Last, each file of lists gathers its lists from all of
these; it is a file of the published dataset, and so is the head, which also says where the rows of
the data files lie. All of it is the same bytes wherever and however often it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from wiki_embeddings.asset_keys import EMBEDDINGS, HUB_DATASET
from wiki_embeddings.dataset_layout import INDEX_HEAD, lists_file
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    Settings,
    Statistic,
    Upstream,
    finished_shard,
    unchanged_manifest,
)
from wiki_embeddings.schemas import stored_vectors
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages import versions
from wiki_embeddings.stages.shard import (
    InputFile,
    Plan,
    Report,
    describe_plain,
    folder_for,
    input_file,
    make_once,
    read_input,
    verified_path,
)
from wiki_embeddings.vector_index import head as heads
from wiki_embeddings.vector_index.kmeans import train
from wiki_embeddings.vector_index.pages import locate_row_groups
from wiki_embeddings.vector_index.quantization import (
    Integers,
    choose_step,
    encode,
    nearest_centroids,
    quantize,
    record_type,
)
from wiki_embeddings.volume import MiB, Volume

ROWS_PER_LIST = 1318
"""Rows of a list on average: 16,384 lists for English, whose centroids are 6 MB to fetch once."""

MOST_ROWS = 2**32 - 1
"""A record names a row in four bytes."""

_SAMPLE_PER_LIST = 64
"""Vectors that each centroid is found from."""

_SAMPLED_SHARDS = 200
"""Shards that the sample is taken from, evenly spread over all."""

QUESTIONS = 1000
"""Stored vectors that serve as questions, to measure the index with."""

NEAREST = 16
"""Nearest rows of each question that a shard notes: some more than ten, because their scores are
those of rounded vectors."""

_QUESTIONS_AT_ONCE = 64

_LISTS_FILE_BYTES = 128 * MiB
"""Of a file of lists, about: a resumed upload repeats no more, and English has ten."""

_CENTROIDS_FILE = "centroids.safetensors"


@dataclass(frozen=True)
class CentroidsSpec:
    """The centroids to find.

    Attributes:
        folder: Reference of the output folder.
        name: File name.
        units: Rows in the sample.
        embeddings: The embeddings.
        lists: Centroids wanted.
    """

    folder: str
    name: str
    units: int
    embeddings: Upstream
    lists: int


@dataclass(frozen=True)
class CodesSpec:
    """One shard of embeddings to encode.

    Attributes:
        folder: Reference of the output folder.
        name: File name.
        units: Rows in it.
        vectors: The shard of embeddings.
        first_row: Number of its first row in the dataset.
        centroids: The file of centroids.
    """

    folder: str
    name: str
    units: int
    vectors: InputFile
    first_row: int
    centroids: InputFile


@dataclass(frozen=True)
class ListsSpec:
    """One file of lists to gather.

    Attributes:
        folder: Reference of the dataset's folder.
        name: File name below the folder.
        units: 0, because its rows are counted in the data files.
        codes: The shards of codes.
        first: Number of its first list.
        lists: Number of lists in it.
    """

    folder: str
    name: str
    units: int
    codes: Upstream
    first: int
    lists: int


@dataclass(frozen=True)
class HeadSpec:
    """The head of an index to make, once the data files are there.

    Attributes:
        folder: Reference of the dataset's folder.
        name: File name below the folder.
        units: 0: it has no rows.
        codes: The shards of codes.
        data_files: Names of the data files, in the order of their rows.
    """

    folder: str
    name: str
    units: int
    codes: Upstream
    data_files: tuple[str, ...]


IndexSpec: TypeAlias = CentroidsSpec | CodesSpec | ListsSpec | HeadSpec


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


def plan_centroids(vectors: Manifest) -> Plan[IndexSpec]:
    """Plan the search for centroids.

    Raises:
        BadInputError: There are more rows than an index can number.
    """
    if vectors.rows > MOST_ROWS:
        raise BadInputError(
            f"{vectors.rows:,} rows are more than an index can number: turn it off with --no-index."
        )
    lists = max(1, round(vectors.rows / ROWS_PER_LIST))
    settings: Settings = {
        **vectors.settings,
        "centroids": {"lists": lists, "sample_per_list": _SAMPLE_PER_LIST},
    }
    upstream = vectors.as_upstream()
    folder = folder_for(vectors.wiki, "centroids", upstream, settings, versions.INDEX)
    sample_rows = min(vectors.rows, lists * _SAMPLE_PER_LIST)
    spec = CentroidsSpec(folder, _CENTROIDS_FILE, sample_rows, upstream, lists)
    return _plan(vectors, "centroids", folder, settings, (spec,))


def plan_codes(vectors: Manifest, centroids: Manifest) -> Plan[IndexSpec]:
    """Plan the codes: one shard for each shard of embeddings.

    Args:
        vectors: Manifest of the embeddings.
        centroids: Manifest of the centroids, of these embeddings or of an earlier snapshot's.
    """
    settings: Settings = {
        **vectors.settings,
        "index": {"centroids": asdict(centroids.as_upstream())},
    }
    folder = folder_for(vectors.wiki, "index", vectors.as_upstream(), settings, versions.INDEX)
    trained = input_file(centroids, centroids.files[0])
    firsts = accumulate((file.rows for file in vectors.files), initial=0)
    specs = tuple(
        CodesSpec(
            folder=folder,
            name=f"{Path(file.name).stem}.safetensors",
            units=file.rows,
            vectors=input_file(vectors, file),
            first_row=first,
            centroids=trained,
        )
        for file, first in zip(vectors.files, firsts, strict=False)
    )
    return _plan(vectors, "index", folder, settings, specs)


def _plan(
    vectors: Manifest, stage: Any, folder: str, settings: Settings, specs: tuple[IndexSpec, ...]
) -> Plan[IndexSpec]:
    from wiki_embeddings.stages.dataset import make_dataset_file  # which makes these files too

    return Plan(
        wiki=vectors.wiki,
        stage=stage,
        folder=folder,
        upstream=vectors.as_upstream(),
        settings=settings,
        model_folder=vectors.model_folder,
        make=make_dataset_file,
        unit="rows",
        bound_by="machine",
        specs=specs,
    )


def lists_specs(folder: str, codes: Manifest) -> tuple[ListsSpec, ...]:
    """Plan the files of lists of a dataset.

    Args:
        folder: Reference of the dataset's folder.
        codes: Manifest of the codes.
    """
    lists = codes.total("max_lists")
    record = record_type(int(codes.settings["embeddings"]["dimensions"])).itemsize
    rows = codes.total("coded_rows")
    number = min(lists, -(-rows * record // _LISTS_FILE_BYTES)) or 1
    ends = [lists * (file + 1) // number for file in range(number)]
    return tuple(
        ListsSpec(folder, lists_file(file, number), 0, codes.as_upstream(), first, end - first)
        for file, (first, end) in enumerate(zip([0, *ends], ends, strict=False))
    )


def head_spec(folder: str, codes: Manifest, data_files: tuple[str, ...]) -> HeadSpec:
    """Plan the head of an index."""
    return HeadSpec(folder, INDEX_HEAD, 0, codes.as_upstream(), data_files)


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
    chosen = (
        np.arange(min(QUESTIONS, len(sample))) * len(sample) // max(1, min(QUESTIONS, len(sample)))
    )
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
    tensors = {
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


def _locate(
    volume: Volume, folder: str, name: str
) -> tuple[heads.IndexedFile, list[heads.RowGroup]]:
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
