"""Outputs of raw articles with given page ids and titles, for tests that need no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from wiki_embeddings.manifest import Manifest, Settings, Statistic, write_manifest
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.stages.shard import describe_parquet, parquet_writer
from wiki_embeddings.volume import Volume


def write_raw(
    volume: Volume,
    snapshot: str,
    files: Sequence[Mapping[int, str]],
    *,
    wiki: str = "toy",
    fraction: float = 1.0,
    url: str = "https://toy.wikipedia.org/wiki/x",
    stats: Mapping[str, Statistic] | None = None,
) -> Manifest:
    """Write an output of raw articles, with its manifest.

    Args:
        volume: Where it is written.
        snapshot: Date of the snapshot, which also names the folder.
        files: Title of each page id, file by file.
        wiki: The wiki.
        fraction: Share of the articles that was fetched.
        url: Address of each article.
        stats: Statistics of the first file.
    """
    folder = f"{wiki}/raw/{snapshot}"
    volume.path(folder).mkdir(parents=True, exist_ok=True)
    described = []
    for number, titles in enumerate(files):
        path = volume.path(folder) / f"part-{number:05d}.parquet"
        with parquet_writer(path, RAW_SCHEMA) as writer:
            writer.write_table(_articles(dict(sorted(titles.items())), url), row_group_size=3)
        described.append(describe_parquet(path, path.name, dict(stats or {}) if not number else {}))
    settings: Settings = {"raw": {"snapshot": snapshot, "fraction": fraction, "source": "toy"}}
    manifest = Manifest(wiki, "raw", folder, None, settings, tuple(described))
    write_manifest(volume, manifest)
    return manifest


def _articles(titles: Mapping[int, str], url: str) -> pa.Table:
    rows = [{"id": page, "url": url, "title": title, "text": ""} for page, title in titles.items()]
    return pa.Table.from_pylist(rows, RAW_SCHEMA)
