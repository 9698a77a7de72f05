"""Are the stored vectors what the model computes in full precision?"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.manifest import Manifest, existing_manifest, upstream_manifest
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings.stages.embed import reference_encoder, stored_tokens
from wiki_embeddings.stages.vector_sample import evenly_spaced
from wiki_embeddings.volume import Volume

_FILES = 5
_CHUNKS_OF_FILE = 20

_TIME_S = 120.0
"""No file is begun after that: a large model computes a chunk a second on one core."""

LOWEST_MEAN_COSINE = {"float32": 0.9999, "float16": 0.999, "bfloat16": 0.999, "int8": 0.99}
"""By the precision that the vectors were computed in. Their storage as float16 costs nothing that
can be seen here; int8 is calibrated to a mean of at least 0.995 (`encoders/cpu/calibration.py`)."""


def agrees_with_float32(volume: Volume, folder: str) -> CheckResult:
    """A hundred random vectors agree with those that the model computes in float32.

    Args:
        volume: Where the embeddings and their chunks are.
        folder: Reference of the embeddings' folder.

    Raises:
        BadInputError: The chunks have changed since, or the model cannot be loaded on a processor.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    vectors = existing_manifest(volume, folder)
    if not vectors.rows:
        return CheckResult(False, "There are no vectors to compare.", {})
    precision = str(vectors.settings["embeddings"]["precision"])
    least = LOWEST_MEAN_COSINE[precision]
    cosines = np.concatenate(list(_cosines(volume, vectors)))
    mean, lowest = float(cosines.mean()), float(cosines.min())
    return CheckResult(
        mean >= least,
        f"{len(cosines)} vectors in {precision} have a mean cosine of {mean:.4f} with those in "
        f"float32, the lowest {lowest:.4f}; the mean should be {least:g} at least.",
        {
            "mean_cosine": mean,
            "lowest_cosine": lowest,
            "vectors_compared": len(cosines),
            "precision": precision,
        },
    )


def _cosines(volume: Volume, vectors: Manifest) -> Iterator[npt.NDArray[np.float32]]:
    """Compare vectors of several files, one array of cosines for each file."""
    chunks = upstream_manifest(volume, vectors)
    encoder = reference_encoder(vectors)
    generator = np.random.default_rng(0)
    began = time.monotonic()
    for file in evenly_spaced(vectors.files, _FILES):
        # A shard of embeddings has the rows of its shard of chunks, in the same order.
        rows = np.sort(generator.permutation(file.rows)[:_CHUNKS_OF_FILE])
        stored = pq.read_table(volume.path(vectors.reference(file)), columns=["embedding"])
        tokens = pq.read_table(volume.path(f"{chunks.folder}/{file.name}"), columns=["tokens"])
        exact = encoder.encode(stored_tokens(tokens.take(rows)))
        ours = vectors_of(stored.take(rows))
        yield (exact * ours).sum(axis=1) / np.linalg.norm(ours, axis=1)
        if time.monotonic() - began > _TIME_S:
            return
