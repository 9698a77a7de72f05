"""A dataset with an index whose questions a tiny model embeds, to search it as people do."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np
import pyarrow as pa

from wiki_embeddings import encoders
from wiki_embeddings.manifest import Manifest, Upstream, write_current, write_manifest
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.stages import embed
from wiki_embeddings.stages.shard import describe_parquet
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume, output_folder
from wiki_embeddings_tests.support.indexed_dataset import IndexedDataset, build_index
from wiki_embeddings_tests.support.synthetic import SETTINGS

WIKI = "sample"
SHARDS = 3
SHARD_ROWS = 40
"""So few that a search reads all vectors: a tiny model's are much alike, and what an index finds of
them would say nothing of real ones."""

_WORDS = ("snow", "light", "troy", "spear", "gold", "lead", "wheat", "state", "water", "king")


def texts(seed: int) -> list[str]:
    """Sentences of some words, all different."""
    pick = random.Random(seed)
    return [
        f"{number}: {' '.join(pick.choices(_WORDS, k=8))}." for number in range(SHARDS * SHARD_ROWS)
    ]


def indexed_passages(home: Path, model: Path, seed: int = 1) -> IndexedDataset:
    """Make embeddings of sentences on the volume of a home, and a dataset of them with an index."""
    volume = Volume(home / "volume")
    encoder = encoders.load(model, "cpu", precision="float32")
    info = encoder.info
    folder = output_folder(WIKI, "embeddings", f"{seed:016x}")
    volume.path(folder).mkdir(parents=True)
    every = texts(seed)
    files = []
    for number in range(SHARDS):
        first = number * SHARD_ROWS
        path = volume.path(folder) / f"shard-{number:05d}.parquet"
        table = _rows(encoder, first, every[first : first + SHARD_ROWS])
        embed.write_table(path, table)
        files.append(describe_parquet(path, path.name, vector_statistics(table)))
    made_with = {
        **SETTINGS["embeddings"],
        "model": info.model,
        "revision": info.revision,
        "dimensions": info.dimensions,
        "pooling": info.pooling,
        "query_prefix": info.query_prefix,
    }
    manifest = Manifest(
        WIKI,
        "embeddings",
        folder,
        Upstream("nowhere", ""),
        {**SETTINGS, "embeddings": made_with},
        tuple(files),
        model_folder=str(model),
    )
    write_manifest(volume, manifest)
    write_current(volume, manifest)
    return build_index(volume, manifest, rows_per_list=20)


def _rows(encoder: encoders.Encoder, first: int, passages: list[str]) -> pa.Table:
    numbers = range(first, first + len(passages))
    columns = {
        "id": [number // 2 for number in numbers],
        "url": [f"https://simple.wikipedia.org/wiki/{number // 2}" for number in numbers],
        "title": [f"Article {number // 2}" for number in numbers],
        "revision_id": [1000 + number // 2 for number in numbers],
        "timestamp": [None] * len(passages),
        "section": ["History" * (number % 2) for number in numbers],
        "chunk_index": [number % 2 for number in numbers],
        "start": [0] * len(passages),
        "text": passages,
        "n_tokens": [9] * len(passages),
        "hash": [hashlib.blake2b(text.encode(), digest_size=16).hexdigest() for text in passages],
        "embedding": list(encoder.encode_texts(passages).astype(np.float16)),
    }
    return pa.table(columns, schema=embedding_schema(encoder.info.dimensions))
