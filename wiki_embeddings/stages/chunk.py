"""Chunk: cut each article where it reads best, within the model's token budget, losing nothing.

A shard is one row group of a part: a worker checks the part's SHA-256, then reads and cuts only
that row group.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from wiki_embeddings.asset_keys import RAW_WIKIPEDIA
from wiki_embeddings.encoders.engines import TEI
from wiki_embeddings.encoders.models.weights import check_finite
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, Settings, Statistic
from wiki_embeddings.schemas import DICTIONARY_COLUMNS
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages import versions
from wiki_embeddings.stages.article_chunker import ArticleChunker, batches, load_chunker
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

_BATCH_BYTES = 1 * MiB
"""Text cut at a time: large enough for the tokenizer, small beside a whole shard."""


@lru_cache(maxsize=1)
def _load_once(
    model: str, revision: str | None, token_budget: int, title_prefix: bool
) -> ArticleChunker:
    """Keep the tokenizer and its cache of words from shard to shard."""
    return load_chunker(model, revision, token_budget, title_prefix)


@dataclass(frozen=True)
class ChunkingConfig:
    """How to cut, once the model is resolved and the budget is known to fit it.

    Attributes:
        model: What tells the model whose tokenizer decides from others; see
            `ResolvedModel.identity`.
        model_folder: Path of its folder; None for a model on the Hub.
        revision: Commit of the model.
        tokenizer_sha256: SHA-256 of its tokenizer.
        passage_prefix: Text that the encoder puts before each chunk.
        token_budget: Most tokens in a chunk, special tokens, prefix and title included.
        title_prefix: True to put the article's title in front of each chunk.
    """

    model: str
    model_folder: str | None
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
    """Resolve the model and check the token budget, where the articles will be cut.

    A model that the engine cannot compute is refused now, before all articles are cut for it.

    Raises:
        BadInputError: The model is not supported, or the budget does not fit it.
        WikiEmbeddingsError: The model cannot be fetched now.
    """
    resolved = _load_once(model, revision, token_budget, title_prefix).model
    if engine != TEI:
        check_finite(resolved.folder, resolved.require_bert())
    return ChunkingConfig(
        model=resolved.identity,
        model_folder=resolved.name if resolved.is_folder else None,
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
        units: Number of articles, estimated.
        part: The part that holds its articles.
        row_group: Index of the row group in the part.
        model: Name or folder of the model whose tokenizer decides.
        revision: Commit of the model.
        token_budget: Most tokens in a chunk, special tokens, prefix and title included.
        title_prefix: True to put the article's title in front of each chunk.
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


def plan(raw: Manifest, config: ChunkingConfig) -> Plan[ChunkSpec]:
    """Plan the shards of a wiki: one for each row group of its parts.

    Raises:
        BadInputError: There are no articles.
    """
    if not raw.rows:
        is_dry_run = float(raw.settings["raw"]["fraction"]) < 1
        advice = "a larger fraction" if is_dry_run else "another snapshot"
        raise BadInputError(
            f"{RAW_WIKIPEDIA} of {raw.wiki} has no articles: materialize it again with {advice}."
        )
    decisive = {key: value for key, value in asdict(config).items() if key != "model_folder"}
    settings: Settings = {**raw.settings, "chunks": {**decisive, "version": versions.CHUNK}}
    folder = folder_for(raw.wiki, "chunks", raw.as_upstream(), settings, versions.CHUNK)
    groups = [(file, group) for file in raw.files for group in range(file.row_groups)]
    return Plan(
        wiki=raw.wiki,
        stage="chunks",
        folder=folder,
        upstream=raw.as_upstream(),
        settings=settings,
        model_folder=config.model_folder,
        make=chunk_shard,
        unit="articles",
        bound_by="core",
        specs=tuple(
            ChunkSpec(
                folder=folder,
                name=f"shard-{number:05d}.parquet",
                units=_estimated_rows(file.rows, file.row_groups, group),
                part=input_file(raw, file),
                row_group=group,
                model=config.model_folder or config.model,
                revision=config.revision,
                token_budget=config.token_budget,
                title_prefix=config.title_prefix,
            )
            for number, (file, group) in enumerate(groups)
        ),
    )


def _estimated_rows(rows: int, groups: int, group: int) -> int:
    """Rows of one row group if all had the same number; the estimates add up to all rows."""
    return rows // groups + (group < rows % groups)


def chunk_shard(spec: ChunkSpec, volume: Volume, progress: Progress) -> Report:
    """Cut the articles of one row group and write the chunks.

    Raises:
        BadInputError: The part is corrupt, or an article is not valid Unicode.
        UnusableVolumeError: The chunks cannot be stored.
    """

    def write(path: Path) -> dict[str, Statistic]:
        articles = read_input(volume, spec.part, RAW_WIKIPEDIA, spec.row_group)
        chunker = _load_once(spec.model, spec.revision, spec.token_budget, spec.title_prefix)
        with parquet_writer(path, chunker.schema, use_dictionary=DICTIONARY_COLUMNS) as writer:
            for batch in batches(articles, _BATCH_BYTES):
                writer.write_batch(chunker.chunk(batch))
                progress(batch.num_rows)
        return chunk_statistics(pq.read_table(path), chunker.added_tokens)

    return make_once(spec, volume, write)
