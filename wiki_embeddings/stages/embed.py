"""Embed: one vector for every chunk, from its stored token ids.

A shard of chunks becomes a shard of embeddings. Each process loads the encoder once and keeps it
from shard to shard. Chunks that an earlier output has with the same encoder take their vectors from
it (`reuse`), which decides nothing: the vectors are the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings import encoders
from wiki_embeddings.asset_keys import CHUNKED_VOLUME
from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.encoders.token_lists import TokenLists
from wiki_embeddings.manifest import Manifest, Settings, ShardFile, Statistic
from wiki_embeddings.schemas import (
    DICTIONARY_COLUMNS,
    ROW_GROUP_ROWS,
    VECTOR_ITEMS,
    embedding_schema,
)
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages import versions
from wiki_embeddings.stages.reuse import (
    EarlierShards,
    can_reuse,
    earlier_shards,
    effort_of,
    find_vectors,
)
from wiki_embeddings.stages.shard import (
    InputFile,
    Plan,
    Report,
    describe_parquet,
    folder_for,
    input_file,
    make_once,
    parquet_writer,
    read_input,
)
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume


@dataclass(frozen=True)
class EmbedSpec:
    """One shard to embed.

    Attributes:
        folder: Reference of the output folder.
        name: File name of the shard.
        units: Chunks in it.
        chunks: The shard of chunks.
        model: Name or folder of the model.
        revision: Commit of the model.
        engine: What computes the vectors.
        precision: Number format that it computes in, fixed by the plan for every machine.
        dimensions: Numbers in a vector.
        earlier: Earlier shards to take vectors from; None for none.
    """

    folder: str
    name: str
    units: int
    chunks: InputFile
    model: str
    revision: str
    engine: str
    precision: str
    dimensions: int
    earlier: EarlierShards | None


def plan(chunks: Manifest, info: EncoderInfo, previous: Manifest | None = None) -> Plan[EmbedSpec]:
    """Plan the shards of a wiki: one for each shard of chunks.

    Args:
        chunks: Manifest of the chunks.
        info: The encoder that will embed them, as `encoders.describe` gives it where the stage
            runs.
        previous: Manifest of earlier embeddings to take vectors from. They are not used if their
            encoder had other settings. What is made, and where, does not depend on it.
    """
    settings: Settings = {
        **chunks.settings,
        "embeddings": {
            "model": info.identity,
            "revision": info.revision,
            "weights_sha256": info.weights_sha256,
            "dimensions": info.dimensions,
            "pooling": info.pooling,
            "precision": info.precision,
            "engine": info.engine,
            "runtime": info.runtime,
            "query_prefix": info.query_prefix,
            "passage_prefix": info.passage_prefix,
            "version": versions.EMBED,
        },
    }
    folder = folder_for(chunks.wiki, "embeddings", chunks.as_upstream(), settings, versions.EMBED)
    earlier = previous if previous and can_reuse(previous, settings) else None
    return Plan(
        wiki=chunks.wiki,
        stage="embeddings",
        folder=folder,
        upstream=chunks.as_upstream(),
        settings=settings,
        model_folder=info.model_folder,
        make=embed_shard,
        unit="chunks",
        bound_by="machine",
        shards_in_hand=engines.TABLE[info.engine].shards_in_hand,
        specs=tuple(
            EmbedSpec(
                folder=folder,
                name=file.name,
                units=file.rows,
                chunks=input_file(chunks, file),
                model=info.model,
                revision=info.revision,
                engine=info.engine,
                precision=info.precision,
                dimensions=info.dimensions,
                earlier=earlier_shards(earlier, file) if earlier else None,
            )
            for file in chunks.files
        ),
    )


def embed_shard(
    spec: EmbedSpec, volume: Volume, progress: Progress, encoder: encoders.Encoder | None = None
) -> Report:
    """Embed the chunks of one shard that have no vector yet, and write all with their vectors.

    Args:
        spec: The shard.
        volume: Where chunks and embeddings are.
        progress: Called with the number of chunks that got a vector since the last call.
        encoder: The encoder, if it is loaded already; by default the one that this process keeps.

    Raises:
        BadInputError: The shard of chunks is corrupt, or the model is not the planned one.
        UnusableVolumeError: The vectors cannot be stored.
    """
    effort: dict[str, int] = {}

    def write(path: Path) -> dict[str, Statistic]:
        chunks = read_input(volume, spec.chunks, CHUNKED_VOLUME)
        known = find_vectors(volume, spec.earlier, chunks, spec.dimensions)
        progress(int(known.found.sum()))
        started = time.perf_counter()
        if not known.found.all():
            loaded = encoder or loaded_encoder(
                spec.model, spec.revision, spec.engine, spec.precision
            )
            started = time.perf_counter()
            unknown = chunks.filter(pa.array(~known.found))
            known.vectors[~known.found] = loaded.encode(stored_tokens(unknown), progress=progress)
        effort.update(effort_of(known, time.perf_counter() - started))
        write_table(path, with_vectors(chunks, known.vectors))
        return vector_statistics(pq.read_table(path))

    def describe(path: Path, name: str, stats: Mapping[str, Statistic]) -> ShardFile:
        return replace(describe_parquet(path, name, stats), effort=effort)

    return make_once(spec, volume, write, describe)


_LOADING = threading.Lock()
"""Shards that arrive at the same moment must not load two copies: a GPU has memory for one."""


def loaded_encoder(model: str, revision: str, engine: str, precision: str) -> encoders.Encoder:
    """Load an encoder, or return the one that this process keeps from shard to shard.

    Raises:
        BadInputError: See `encoders.load`.
        WikiEmbeddingsError: See `encoders.load`.
    """
    with _LOADING:
        return _load_once(model, revision, engine, precision)


def reference_encoder(vectors: Manifest) -> encoders.Encoder:
    """Load the model of some vectors in float32 on the processor: what others are compared with.

    Args:
        vectors: Manifest of the embeddings.

    Raises:
        BadInputError: Only the engine `tei` can compute this model; or see `encoders.load`.
        WikiEmbeddingsError: See `encoders.load`.
    """
    settings = vectors.settings["embeddings"]
    model = vectors.model_folder or str(settings["model"])
    return loaded_encoder(model, str(settings["revision"]), "cpu", "float32")


@lru_cache(maxsize=1)
def _load_once(model: str, revision: str, engine: str, precision: str) -> encoders.Encoder:
    return encoders.load(model, engine, revision=revision, precision=precision)


def stored_tokens(chunks: pa.Table) -> TokenLists:
    """Return the token ids of all rows, sharing the column's memory."""
    column = chunks.column("tokens").combine_chunks()
    offsets = column.offsets.to_numpy().astype(np.int64)
    return TokenLists(column.flatten().to_numpy(), offsets - offsets[0])


def with_vectors(chunks: pa.Table, vectors: npt.NDArray[np.floating]) -> pa.Table:
    """Build the table of a shard of embeddings.

    Args:
        chunks: Rows of a shard of chunks.
        vectors: Their vectors in the same order, of shape `(rows, dimensions)`.

    Returns:
        Rows of `embedding_schema`; vectors are rounded to float16.
    """
    schema = embedding_schema(vectors.shape[1])
    columns = {name: chunks.column(name) for name in schema.names if name in chunks.column_names}
    columns["n_tokens"] = pc.list_value_length(chunks.column("tokens")).cast(pa.int32())
    columns["embedding"] = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.astype(np.float16).ravel()), vectors.shape[1]
    )
    return pa.table(columns, schema=schema)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a shard of embeddings.

    The two bytes of each number are stored in separate streams: sign and exponent compress well,
    the mantissa is noise. Together with leaving out statistics of single numbers, which no reader
    uses, this makes writing a quarter faster and the file smaller.

    Args:
        path: The file to write.
        table: Rows of `embedding_schema`.
    """
    with parquet_writer(
        path,
        table.schema,
        use_dictionary=DICTIONARY_COLUMNS,
        use_byte_stream_split=[VECTOR_ITEMS],
        write_statistics=[name for name in table.column_names if name != "embedding"],
    ) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
