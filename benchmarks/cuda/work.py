"""Work to measure: shards of chunks on a disk, with the lengths of the sample's chunks.

The stages fetch and chunk the sample's articles. Its passages are then repeated until there is
enough work for a measurement.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings.manifest import Manifest
from wiki_embeddings.schemas import DICTIONARY_COLUMNS
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.stages import chunk, fetch
from wiki_embeddings.stages.shard import Plan, describe_parquet, parquet_writer
from wiki_embeddings.volume import Volume, output_folder

SHARD_PASSAGES = 17_000
"""Passages in 16 MiB of English text."""

_SPECIAL_TOKENS = 2
_GROUP_ROWS = 1200
"""About 1 MiB of text, the size of the chunk stage's row groups."""


@dataclass(frozen=True)
class Lengths:
    """How long passages are.

    Attributes:
        mean: Mean number of tokens, including special tokens.
        attended: Mean length of a token's passage: what attention costs.
        tokens_per_character: Tokens per character of text, including special tokens and titles.
    """

    mean: float
    attended: float
    tokens_per_character: float


@dataclass(frozen=True)
class Work:
    """Shards to embed.

    Attributes:
        volume: Where they are.
        chunks: Their manifest.
        texts: The passages of one shard; all shards have the same.
        tokens: Tokens in all shards, including special tokens.
    """

    volume: Volume
    chunks: Manifest
    texts: list[str]
    tokens: int

    @property
    def passages(self) -> int:
        """Number of passages in all shards."""
        return self.chunks.rows


def sample_chunks(volume: Volume, fraction: float = 1.0) -> tuple[pa.Table, Manifest]:
    """Fetch and chunk the sample with the default settings, in this process."""
    source = fetch.plan(ArticleSelection("sample", fraction=fraction), articles_per_shard=4096)
    raw = _run_plan(source, volume)
    cutting = chunk.prepare(volume, MODEL, None, token_budget=256, title_prefix=True)
    chunks = _run_plan(chunk.plan(raw, cutting), volume)
    files = [volume.path(chunks.folder) / file.name for file in chunks.files]
    return pa.concat_tables([pq.read_table(file) for file in files]), chunks


MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""Its vocabulary is that of bge, e5 and gte for English."""


def _run_plan(plan: Plan[Any], volume: Volume) -> Manifest:
    return plan.manifest([plan.make(spec, volume, ignore_progress).file for spec in plan.specs])


def ignore_progress(_units: int) -> None:
    """Ignore reported progress."""


def measure_lengths(chunks: pa.Table) -> Lengths:
    """Measure how long the passages of some chunks are."""
    lengths = pc.list_value_length(chunks.column("tokens")).to_numpy() + _SPECIAL_TOKENS
    characters = int(pc.sum(pc.utf8_length(chunks.column("text"))).as_py())
    total = int(lengths.sum())
    return Lengths(
        mean=total / len(lengths),
        attended=float((lengths.astype(np.float64) ** 2).sum() / total),
        tokens_per_character=total / characters,
    )


def write_work(
    volume: Volume, chunks: pa.Table, source: Manifest, *, passages: int, shards: int
) -> Work:
    """Write shards of chunks.

    Args:
        volume: Where to.
        chunks: Chunks to draw from evenly, and to repeat.
        source: Manifest of those chunks.
        passages: Passages in a shard.
        shards: Number of shards.
    """
    table = _spread_rows(chunks, passages)
    folder = output_folder("sample", "chunks", f"benchmark-{passages}-{shards}")
    first = volume.path(folder) / "shard-00000.parquet"
    first.parent.mkdir(parents=True, exist_ok=True)
    with parquet_writer(first, table.schema, use_dictionary=DICTIONARY_COLUMNS) as writer:
        writer.write_table(table, row_group_size=_GROUP_ROWS)
    described = describe_parquet(first, first.name, {})
    files = [replace(described, name=f"shard-{number:05d}.parquet") for number in range(shards)]
    for file in files[1:]:
        shutil.copyfile(first, first.with_name(file.name))
    manifest = replace(source, folder=folder, files=tuple(files))
    tokens = int(measure_lengths(table).mean * passages + 0.5) * shards
    return Work(volume, manifest, table.column("text").to_pylist(), tokens)


def _spread_rows(chunks: pa.Table, passages: int) -> pa.Table:
    """Return evenly spread chunks, each as the only chunk of a separate article."""
    rows = np.linspace(0, chunks.num_rows * max(1, passages // chunks.num_rows) - 1, passages)
    table = chunks.take(pa.array(rows.astype(np.int64) % chunks.num_rows))
    columns = {
        "chunk_id": pa.array([f"{number}:0" for number in range(passages)]),
        "id": pa.array(np.arange(passages)),
        "chunk_index": pa.array(np.zeros(passages, dtype=np.int32)),
        "hash": pa.array([_hash(number) for number in range(passages)]),
    }
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), values)
    return table


def _hash(number: int) -> str:
    return hashlib.blake2b(number.to_bytes(8, "little"), digest_size=16).hexdigest()


def remove_folder(volume: Volume, folder: str) -> None:
    """Remove a folder of the volume."""
    path: Path = volume.path(folder)
    shutil.rmtree(path)
