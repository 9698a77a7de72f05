"""Random embeddings, for tests that need many rows but no model."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wiki_embeddings.manifest import Manifest, Settings, Statistic, Upstream, write_manifest
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.stages.shard import describe_parquet, parquet_writer
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume, output_folder

MODEL = "example/tiny-model"

SETTINGS: Settings = {
    "raw": {
        "source": "wikimedia/wikipedia",
        "snapshot": "20231101",
        "revision": "b04c8d1ceb2f5cd4588862100d08de323dccfbaa",
        "fraction": 1.0,
        "version": "1",
    },
    "chunks": {"token_budget": 256, "title_prefix": True, "version": "1"},
    "embeddings": {
        "model": MODEL,
        "revision": "0123456789abcdef0123456789abcdef01234567",
        "weights_sha256": "a" * 64,
        "dimensions": 8,
        "pooling": "mean",
        "precision": "float32",
        "engine": "cpu",
        "runtime": "onnxruntime 1.32.0",
        "query_prefix": "query: ",
        "passage_prefix": "",
        "version": "1",
    },
}


def rows(first: int, count: int, dimensions: int = 8) -> pa.Table:
    """Rows of embeddings, two chunks per article, that depend only on their position."""
    numbers = range(first, first + count)
    vectors = np.array([np.random.default_rng(n).standard_normal(dimensions) for n in numbers])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    columns = {
        "id": [n // 2 for n in numbers],
        "url": [f"https://simple.wikipedia.org/wiki/{n // 2}" for n in numbers],
        "title": [f"Article {n // 2}" for n in numbers],
        "revision_id": [1000 + n // 2 for n in numbers],
        "timestamp": [datetime(2026, 11, 1, n // 2 % 24, tzinfo=UTC) for n in numbers],
        "section": ["History" * (n % 2) for n in numbers],
        "chunk_index": [n % 2 for n in numbers],
        "start": [n % 2 * 10 for n in numbers],
        "text": [f"Passage {n}, élan 🙂.\n" for n in numbers],
        "n_tokens": [5] * count,
        "hash": [hashlib.blake2b(str(n).encode(), digest_size=16).hexdigest() for n in numbers],
        "embedding": list(vectors.astype(np.float16)),
    }
    return pa.table(columns, schema=embedding_schema(dimensions))


def with_noise(table: pa.Table, text_bytes: int) -> pa.Table:
    """Replace the texts by ones that do not compress, so that a file takes a while to decode."""
    texts = [secrets.token_hex(text_bytes // 2) for _ in range(table.num_rows)]
    return table.set_column(
        table.schema.get_field_index("text"), table.schema.field("text"), [texts]
    )


def write_embeddings(
    volume: Volume, shards: int, rows_each: int, wiki: str = "simple", noise_bytes: int = 0
) -> Manifest:
    """Write shards of embeddings and their manifest, as the embeddings stage does."""
    folder = output_folder(wiki, "embeddings", "0123456789abcdef")
    volume.path(folder).mkdir(parents=True)
    files = []
    for number in range(shards):
        path = volume.path(folder) / f"shard-{number:05d}.parquet"
        table = rows(number * rows_each, rows_each)
        stats = _write(path, with_noise(table, noise_bytes) if noise_bytes else table)
        files.append(describe_parquet(path, path.name, stats))
    manifest = Manifest(wiki, "embeddings", folder, Upstream("nowhere", ""), SETTINGS, tuple(files))
    write_manifest(volume, manifest)
    return manifest


def _write(path: Path, table: pa.Table) -> dict[str, Statistic]:
    with parquet_writer(path, table.schema) as writer:
        writer.write_table(table)
    return vector_statistics(pq.read_table(path))
