"""A sample of stored vectors: bounded in time and memory, however large the wiki is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.manifest import Manifest, ShardFile
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.volume import Volume

MAX_FILES = 16
"""Files that are looked into; of each, one row group."""


@dataclass(frozen=True)
class VectorSample:
    """Some chunks of a wiki.

    Attributes:
        titles: Title of each chunk's article.
        is_lead: True for the first chunk of an article, boolean of shape `(chunks,)`.
        vectors: Their vectors, float32 of shape `(chunks, dimensions)`.
    """

    titles: Sequence[str]
    is_lead: npt.NDArray[np.bool_]
    vectors: npt.NDArray[np.float32]

    def select(self, rows: npt.NDArray[np.integer]) -> VectorSample:
        """Return some of the chunks, in the given order."""
        titles = [self.titles[row] for row in rows]
        return VectorSample(titles, self.is_lead[rows], self.vectors[rows])


def evenly_spaced(files: Sequence[ShardFile], most: int = MAX_FILES) -> list[ShardFile]:
    """Choose files that have rows, spread over the whole wiki."""
    filled = [file for file in files if file.rows]
    count = min(most, len(filled))
    return [filled[number * len(filled) // count] for number in range(count)]


def sample_vectors(volume: Volume, vectors: Manifest, most: int, seed: int = 0) -> VectorSample:
    """Draw chunks from files all over a wiki, half of them first chunks where there are enough.

    Args:
        volume: Where they are.
        vectors: Manifest of the embeddings; it has rows.
        most: Chunks at most.
        seed: The same one draws the same chunks.
    """
    generator = np.random.default_rng(seed)
    files = evenly_spaced(vectors.files)
    parts = []
    for file in files:
        with pq.ParquetFile(volume.path(vectors.reference(file))) as parquet:
            group = int(generator.integers(parquet.num_row_groups))
            part = parquet.read_row_group(group, ["title", "chunk_index", "embedding"])
        parts.append(part.take(_drawn(part, -(-most // len(files)), generator)))
    table = pa.concat_tables(parts)
    return VectorSample(
        titles=table.column("title").to_pylist(),
        is_lead=table.column("chunk_index").to_numpy() == 0,
        vectors=vectors_of(table),
    )


def _drawn(table: pa.Table, most: int, generator: np.random.Generator) -> npt.NDArray[np.integer]:
    """Draw rows of a table, up to half of `most` from the first chunks of articles."""
    is_lead = table.column("chunk_index").to_numpy() == 0
    shuffled = generator.permutation(table.num_rows)
    leads = shuffled[is_lead[shuffled]][: -(-most // 2)]
    others = shuffled[~np.isin(shuffled, leads)][: most - len(leads)]
    return np.concatenate([leads, others])
