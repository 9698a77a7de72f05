"""Plans the three maps that make an index: what each shard makes, and from what."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

from wiki_embeddings.dataset_layout import INDEX_HEAD, lists_file
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    Settings,
    Upstream,
)
from wiki_embeddings.stages import versions
from wiki_embeddings.stages.shard import (
    InputFile,
    Plan,
    folder_for,
    input_file,
)
from wiki_embeddings.vector_index.quantization import (
    record_type,
)
from wiki_embeddings.volume import MiB

ROWS_PER_LIST = 1318
"""Rows of a list on average: 16,384 lists for English, whose centroids are 6 MB to fetch once."""

MOST_ROWS = 2**32 - 1
"""A record names a row in four bytes."""

_SAMPLE_PER_LIST = 64
"""Vectors that each centroid is found from."""

_LEAST_SAMPLE = 4096
"""Vectors, so that a small dataset has enough questions too."""

QUESTIONS = 1000
"""Stored vectors that serve as questions, to measure the index with."""

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
        questions: Vectors of the sample to keep as questions, at most.
    """

    folder: str
    name: str
    units: int
    embeddings: Upstream
    lists: int
    questions: int


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


def wanted_lists(rows: int) -> int:
    """Return the number of lists for a number of rows."""
    return max(1, round(rows / ROWS_PER_LIST))


def plan_centroids(vectors: Manifest) -> Plan[IndexSpec]:
    """Plan the search for centroids.

    Raises:
        BadInputError: There are more rows than an index can number.
    """
    if vectors.rows > MOST_ROWS:
        raise BadInputError(
            f"{vectors.rows:,} rows are more than an index can number: turn it off with --no-index."
        )
    lists = wanted_lists(vectors.rows)
    settings: Settings = {
        **vectors.settings,
        "centroids": {"lists": lists, "sample_per_list": _SAMPLE_PER_LIST, "questions": QUESTIONS},
    }
    upstream = vectors.as_upstream()
    folder = folder_for(vectors.wiki, "centroids", upstream, settings, versions.INDEX)
    sample_rows = min(vectors.rows, max(_LEAST_SAMPLE, lists * _SAMPLE_PER_LIST))
    spec = CentroidsSpec(folder, _CENTROIDS_FILE, sample_rows, upstream, lists, QUESTIONS)
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
