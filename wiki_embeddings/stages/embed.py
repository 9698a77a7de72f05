"""Embed: one vector for every chunk, from the token ids that are stored with it.

A shard of chunks becomes a shard of embeddings. The encoder is loaded once a process and works on
one shard after another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings import encoders
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.encoders.token_lists import TokenLists
from wiki_embeddings.manifest import Manifest, Settings, Statistic
from wiki_embeddings.schemas import DICTIONARY_COLUMNS, ROW_GROUP_ROWS, embedding_schema
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import (
    InputFile,
    Plan,
    Report,
    folder_for,
    input_file,
    make_once,
    parquet_writer,
    read_input,
)
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings.volume import Volume

VERSION = "1"
"""Raised when the same chunks would get other vectors."""


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
        precision: Numbers that it computes with: those of the plan, whatever machine this is.
    """

    folder: str
    name: str
    units: int
    chunks: InputFile
    model: str
    revision: str
    engine: str
    precision: str


def plan(chunks: Manifest, info: EncoderInfo) -> Plan[EmbedSpec]:
    """Plan the shards of a wiki: one for each shard of chunks.

    Args:
        chunks: Manifest of the chunks.
        info: The encoder that is to embed them, as it says of itself where it runs.
    """
    settings: Settings = {
        **chunks.settings,
        "embeddings": {
            "model": info.model,
            "revision": info.revision,
            "weights_sha256": info.weights_sha256,
            "dimensions": info.dimensions,
            "pooling": info.pooling,
            "precision": info.precision,
            "engine": info.engine,
            "runtime": info.runtime,
            "query_prefix": info.query_prefix,
            "passage_prefix": info.passage_prefix,
            "version": VERSION,
        },
    }
    folder = folder_for(chunks.wiki, "embeddings", chunks.as_upstream(), settings, VERSION)
    return Plan(
        wiki=chunks.wiki,
        stage="embeddings",
        folder=folder,
        upstream=chunks.as_upstream(),
        settings=settings,
        make=embed_shard,
        unit="chunks",
        bound_by="machine",
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
            )
            for file in chunks.files
        ),
    )


def embed_shard(spec: EmbedSpec, volume: Volume, progress: Progress) -> Report:
    """Embed the chunks of one shard and write them with their vectors.

    Raises:
        BadInputError: The shard of chunks is corrupt, or the model is not what was planned.
        UnusableVolumeError: The vectors cannot be stored.
    """
    load = partial(encoder_of, spec.model, spec.revision, spec.engine, spec.precision)
    return embed_with(load, spec, volume, progress)


def embed_with(
    load: Callable[[], encoders.Encoder], spec: EmbedSpec, volume: Volume, progress: Progress
) -> Report:
    """Embed a shard, unless that is done already, with an encoder that is loaded only if need be.

    Raises:
        BadInputError: As for `embed_shard`.
        UnusableVolumeError: Likewise.
    """

    def write(path: Path) -> dict[str, Statistic]:
        chunks = read_input(volume, spec.chunks, "chunked_volume")
        vectors = load().encode(stored_tokens(chunks), progress=progress)
        write_table(path, with_vectors(chunks, vectors))
        return vector_statistics(pq.read_table(path))

    return make_once(spec, volume, write)


def encoder_of(model: str, revision: str, engine: str, precision: str) -> encoders.Encoder:
    """The encoder that this process keeps from shard to shard.

    It is loaded once, also for shards that come at the same moment: a second copy would take a
    GPU's memory twice.

    Raises:
        BadInputError: As for `encoders.load`.
        WikiEmbeddingsError: As for `encoders.load`.
    """
    with _LOADING:
        return _kept(model, revision, engine, precision)


_LOADING = threading.Lock()


@lru_cache(maxsize=1)
def _kept(model: str, revision: str, engine: str, precision: str) -> encoders.Encoder:
    return encoders.load(model, engine, revision=revision, precision=precision)


def stored_tokens(chunks: pa.Table) -> TokenLists:
    """Token ids of each row, without a copy for each row."""
    column = chunks.column("tokens").combine_chunks()
    offsets = column.offsets.to_numpy().astype(np.int64)
    return TokenLists(column.flatten().to_numpy(), offsets - offsets[0])


def with_vectors(chunks: pa.Table, vectors: npt.NDArray[np.float32]) -> pa.Table:
    """Put vectors beside their chunks.

    Args:
        chunks: Rows of a shard of chunks.
        vectors: Their vectors in the same order, float32 of shape `(rows, dimensions)`.
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

    The two bytes of a vector's numbers lie apart: sign and exponent compress, the rest is noise.
    With that and without statistics of single numbers, which nobody asks for, writing takes a
    quarter less time, and the file less room.

    Args:
        path: Where to.
        table: As `with_vectors` makes it.
    """
    with parquet_writer(
        path,
        table.schema,
        use_dictionary=DICTIONARY_COLUMNS,
        use_byte_stream_split=[_NUMBERS],
        write_statistics=[name for name in table.column_names if name != "embedding"],
    ) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


_NUMBERS = "embedding.list.element"
"""Parquet's name for the numbers in the vectors."""
