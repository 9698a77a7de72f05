"""Chunk: cut each article where it reads best, within the model's token budget; lose nothing.

A shard is one row group of a part: a worker cuts that alone, once it has made sure that the part is
what was fetched.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from wiki_embeddings.encoders.engines import TEI
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, Settings, Statistic
from wiki_embeddings.schemas import DICTIONARY_COLUMNS
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.article_chunker import batches, cutter
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
from wiki_embeddings.stages.statistics import chunk_statistics
from wiki_embeddings.volume import MiB, Volume

VERSION = "1"
"""Raised when the same articles would be cut differently."""

_BATCH_BYTES = 1 * MiB
"""Text cut at a time: large enough for the tokenizer, small beside what a shard holds."""

_cutter = lru_cache(maxsize=1)(cutter)
"""A worker keeps its tokenizer, and the words it has seen, from shard to shard."""


@dataclass(frozen=True)
class ChunkingConfig:
    """How to cut, once a model has been found and the budget suits it.

    Attributes:
        model: Name or folder of the model whose tokenizer decides.
        revision: Commit of the model.
        tokenizer_sha256: SHA-256 of its tokenizer file.
        passage_prefix: Text that the encoder puts before each chunk.
        token_budget: Most tokens in a chunk, special tokens, prefix and title included.
        title_prefix: Whether the article's title is put in front of each chunk.
    """

    model: str
    revision: str
    tokenizer_sha256: str
    passage_prefix: str
    token_budget: int
    title_prefix: bool


def prepare(
    _: Volume,
    model: str,
    revision: str | None,
    token_budget: int,
    title_prefix: bool,
    engine: str = "auto",
) -> ChunkingConfig:
    """Find a model and make sure that the budget suits it, where the cutting will be done.

    What the engine cannot compute is refused now, before all is cut for it.

    Raises:
        BadInputError: The model is not one that we run, or the budget does not suit it.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    resolved = _cutter(model, revision, token_budget, title_prefix).model
    if engine != TEI:
        resolved.require_bert()
    return ChunkingConfig(
        model=resolved.name,
        revision=resolved.revision,
        tokenizer_sha256=resolved.tokenizer_sha256,
        passage_prefix=resolved.passage_prefix,
        token_budget=token_budget,
        title_prefix=title_prefix,
    )


@dataclass(frozen=True)
class ChunkSpec:
    """One shard to cut.

    Attributes:
        folder: Reference of the output folder.
        name: File name of the shard.
        units: Articles in it, about.
        part: The part that holds its articles.
        row_group: Which row group of the part it is.
        model: Name or folder of the model whose tokenizer decides.
        revision: Commit of the model.
        token_budget: Most tokens in a chunk, special tokens, prefix and title included.
        title_prefix: Whether the article's title is put in front of each chunk.
    """

    folder: str
    name: str
    units: int
    part: InputFile
    row_group: int
    model: str
    revision: str
    token_budget: int
    title_prefix: bool


def plan(raw: Manifest, cutting: ChunkingConfig) -> Plan[ChunkSpec]:
    """Plan the shards of a wiki: one for each row group of its parts.

    Raises:
        BadInputError: There are no articles.
    """
    if not raw.rows:
        raise BadInputError(
            f"raw_wikipedia of {raw.wiki} holds no articles: materialize it again with a larger "
            "fraction."
        )
    settings: Settings = {**raw.settings, "chunks": {**asdict(cutting), "version": VERSION}}
    folder = folder_for(raw.wiki, "chunks", raw.as_upstream(), settings, VERSION)
    groups = [(file, group) for file in raw.files for group in range(file.row_groups)]
    return Plan(
        wiki=raw.wiki,
        stage="chunks",
        folder=folder,
        upstream=raw.as_upstream(),
        settings=settings,
        make=chunk_shard,
        unit="articles",
        bound_by="core",
        specs=tuple(
            ChunkSpec(
                folder=folder,
                name=f"shard-{number:05d}.parquet",
                units=_share(file.rows, file.row_groups, group),
                part=input_file(raw, file),
                row_group=group,
                model=cutting.model,
                revision=cutting.revision,
                token_budget=cutting.token_budget,
                title_prefix=cutting.title_prefix,
            )
            for number, (file, group) in enumerate(groups)
        ),
    )


def _share(rows: int, groups: int, group: int) -> int:
    """Rows of one group if they were spread evenly; the shares add up to all rows."""
    return rows // groups + (group < rows % groups)


def chunk_shard(spec: ChunkSpec, volume: Volume, progress: Progress) -> Report:
    """Cut the articles of one row group and write the chunks.

    Raises:
        BadInputError: The part is corrupt, or an article cannot be stored as text.
        UnusableVolumeError: The chunks cannot be stored.
    """

    def write(path: Path) -> dict[str, Statistic]:
        articles = read_input(volume, spec.part, "raw_wikipedia", spec.row_group)
        cutter = _cutter(spec.model, spec.revision, spec.token_budget, spec.title_prefix)
        with parquet_writer(path, cutter.schema, use_dictionary=DICTIONARY_COLUMNS) as writer:
            for batch in batches(articles, _BATCH_BYTES):
                writer.write_batch(cutter.cut(batch))
                progress(batch.num_rows)
        return chunk_statistics(pq.read_table(path), cutter.added_tokens)

    return make_once(spec, volume, write)
