"""A small wiki in successive snapshots, and the outputs of the first three stages for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyarrow as pa

from wiki_embeddings import encoders
from wiki_embeddings.manifest import Manifest, write_manifest
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import SOURCE_ARTICLES, OpenedPart
from wiki_embeddings.stages import chunk, embed
from wiki_embeddings.stages.fetch import write_part
from wiki_embeddings.stages.shard import Plan, SpecT, describe_parquet, folder_for
from wiki_embeddings.volume import Volume

WIKI = "simple"


@dataclass(frozen=True)
class Page:
    """A page of a snapshot.

    Attributes:
        title: Its title, which is in front of each chunk.
        paragraphs: Its text; each paragraph becomes one chunk.
        revision: Number of its last revision.
    """

    title: str
    paragraphs: tuple[str, ...]
    revision: int = 1


Pages = Mapping[int, Page]
"""Pages by page id."""


def raw_output(
    volume: Volume, pages: Pages, snapshot: str, *, articles_per_shard: int = 4
) -> Manifest:
    """Write the articles of a snapshot in one part, as the fetch stage does."""
    rows = [
        {
            "id": page_id,
            "url": f"https://{WIKI}.wikipedia.org/wiki/{page.title}",
            "title": page.title,
            "text": "\n\n".join(page.paragraphs),
            "revision_id": page.revision,
            "timestamp": datetime(2026, 1, 1, 0, 0, page.revision % 60, tzinfo=UTC),
            "headings": [],
        }
        for page_id, page in sorted(pages.items())
    ]
    batches = pa.Table.from_pylist(rows, schema=RAW_SCHEMA).to_batches()
    raw = {
        "source": "hub",
        "snapshot": snapshot,
        "revision": "0" * 40,
        "fraction": 1.0,
        "articles_per_shard": articles_per_shard,
        "version": "1",
    }
    folder = folder_for(WIKI, "raw", None, {"raw": raw}, "1")
    name = "part-00000.parquet"
    path = volume.path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    opened = OpenedPart(iter(batches), lambda: {SOURCE_ARTICLES: len(rows)})
    stats = write_part(opened, path, articles_per_shard)
    manifest = Manifest(
        WIKI, "raw", folder, None, {"raw": raw}, (describe_parquet(path, name, stats),)
    )
    write_manifest(volume, manifest)
    return manifest


def chunked_output(
    volume: Volume, raw: Manifest, model: Path, *, token_budget: int = 104
) -> Manifest:
    """Cut the articles of a snapshot into chunks."""
    return made(chunk.plan(raw, _chunking(model, token_budget)), volume)


def embedded_output(
    volume: Volume,
    chunks: Manifest,
    previous: Manifest | None = None,
    *,
    precision: str = "float32",
) -> Manifest:
    """Embed the chunks of a snapshot, reusing the vectors of a previous one."""
    info = _describe(chunks.model_folder, "cpu", precision=precision)
    return made(embed.plan(chunks, info, previous), volume)


@cache
def _chunking(model: Path, token_budget: int) -> chunk.ChunkingConfig:
    """Resolve the model once: reading its tokenizer takes longer than cutting these texts."""
    nowhere = Volume(Path())
    return chunk.prepare(nowhere, str(model), None, token_budget=token_budget, title_prefix=True)


_describe = cache(encoders.describe)


def made(plan: Plan[SpecT], volume: Volume) -> Manifest:
    """Make all shards of a plan in this process, and its manifest."""
    reports = [plan.make(spec, volume, lambda _: None) for spec in plan.specs]
    manifest = plan.manifest(report.file for report in reports)
    write_manifest(volume, manifest)
    return manifest
