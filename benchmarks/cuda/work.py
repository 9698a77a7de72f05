"""Work to measure with: shards of chunks on a disk, as long as those of the sample are.

The sample's articles are fetched and cut by the stages themselves; their passages are then repeated
until there is as much work as a measurement takes.
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
from wiki_embeddings.sources import sample
from wiki_embeddings.stages import chunk, fetch
from wiki_embeddings.stages.shard import Plan, describe_parquet, parquet_writer
from wiki_embeddings.volume import MiB, Volume, output_folder

SHARD_PASSAGES = 17_000
"""What 16 MiB of English text make."""

_SPECIAL_TOKENS = 2
_GROUP_ROWS = 1200
"""About 1 MiB of text, after which the chunk stage begins a row group."""


@dataclass(frozen=True)
class Lengths:
    """How long passages are.

    Attributes:
        mean: Mean number of tokens, special ones included.
        attended: Mean length of the passage in which a token stands: what attention costs.
        tokens_per_character: Tokens, special ones and titles included, to a character of text.
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
        texts: The passages of one shard; all shards hold the same.
        tokens: Tokens in all shards, special ones included.
    """

    volume: Volume
    chunks: Manifest
    texts: list[str]
    tokens: int

    @property
    def passages(self) -> int:
        """Passages in all shards."""
        return self.chunks.rows


def sample_chunks(volume: Volume, fraction: float = 1.0) -> tuple[pa.Table, Manifest]:
    """Fetches and cuts the sample with the default settings, in this process."""
    source = fetch.plan("sample", snapshot=sample.SNAPSHOT, fraction=fraction, shard_bytes=16 * MiB)
    raw = _made(source, volume)
    cutting = chunk.prepare(volume, MODEL, None, token_budget=256, title_prefix=True)
    chunks = _made(chunk.plan(raw, cutting), volume)
    files = [volume.path(chunks.folder) / file.name for file in chunks.files]
    return pa.concat_tables([pq.read_table(file) for file in files]), chunks


MODEL = "sentence-transformers/all-MiniLM-L6-v2"
"""Its vocabulary is that of bge, e5 and gte for English."""


def _made(plan: Plan[Any], volume: Volume) -> Manifest:
    return plan.manifest([plan.make(spec, volume, unheard).file for spec in plan.specs])


def unheard(_units: int) -> None:
    """Progress that nobody watches."""


def lengths_of(chunks: pa.Table) -> Lengths:
    """How long the passages of some chunks are."""
    lengths = pc.list_value_length(chunks.column("tokens")).to_numpy() + _SPECIAL_TOKENS
    characters = int(pc.sum(pc.utf8_length(chunks.column("text"))).as_py())
    total = int(lengths.sum())
    return Lengths(
        mean=total / len(lengths),
        attended=float((lengths.astype(np.float64) ** 2).sum() / total),
        tokens_per_character=total / characters,
    )


def prepared(
    volume: Volume, chunks: pa.Table, made_by: Manifest, *, passages: int, shards: int
) -> Work:
    """Writes shards of chunks.

    Args:
        volume: Where to.
        chunks: Chunks to choose from, evenly, and to repeat.
        made_by: Manifest of those chunks.
        passages: Passages in a shard.
        shards: Number of shards.
    """
    table = _chosen(chunks, passages)
    folder = output_folder("sample", "chunks", f"benchmark-{passages}-{shards}")
    first = volume.path(folder) / "shard-00000.parquet"
    first.parent.mkdir(parents=True, exist_ok=True)
    with parquet_writer(first, table.schema, use_dictionary=DICTIONARY_COLUMNS) as writer:
        writer.write_table(table, row_group_size=_GROUP_ROWS)
    described = describe_parquet(first, first.name, {})
    files = [replace(described, name=f"shard-{number:05d}.parquet") for number in range(shards)]
    for file in files[1:]:
        shutil.copyfile(first, first.with_name(file.name))
    manifest = replace(made_by, folder=folder, files=tuple(files))
    tokens = int(lengths_of(table).mean * passages + 0.5) * shards
    return Work(volume, manifest, table.column("text").to_pylist(), tokens)


def _chosen(chunks: pa.Table, passages: int) -> pa.Table:
    """So many of some chunks, each as the only one of an article of its own."""
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


def removed(volume: Volume, folder: str) -> None:
    """Removes a folder of the volume."""
    path: Path = volume.path(folder)
    shutil.rmtree(path)
