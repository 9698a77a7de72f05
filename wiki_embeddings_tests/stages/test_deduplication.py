"""What an edit changes in the published files, and what the Hub is sent of it by Xet."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wiki_embeddings.manifest import Manifest
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.stages import dataset
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.standins.hub.test_xet import REPOSITORY, upload
from wiki_embeddings_tests.support.edited_wiki import (
    Page,
    chunked_output,
    embedded_output,
    made,
    raw_output,
)

PAGES = {i: Page(f"Town {i}", (f"The town {i} has {i * i} people. " * 9,)) for i in range(1, 46)}


def published(volume: Volume, pages: dict[int, Page], model: Path) -> Manifest:
    raw = raw_output(volume, pages, f"202601{len(pages)}", articles_per_shard=3)
    vectors = embedded_output(volume, chunked_output(volume, raw, model))
    return made(dataset.plan(vectors, shards_per_file=3), volume)


def data_files(manifest: Manifest) -> dict[tuple[int, int], str]:
    """SHA-256 of the data files by their page ids."""
    return {(f.min_id, f.max_id): f.sha256 for f in manifest.files if f.rows}


def test_an_edit_changes_only_the_file_that_holds_the_page(volume, tiny_model):
    before = data_files(published(volume, PAGES, tiny_model))
    assert len(before) > 3
    renamed = replace(PAGES[20], paragraphs=("The town was renamed. " * 20,), revision=2)
    edited = {**PAGES, 20: renamed}
    after = data_files(published(Volume(volume.root / "edited"), edited, tiny_model))
    assert after.keys() == before.keys(), "every page stays in its file"
    ((first, last),) = (ids for ids in before if before[ids] != after[ids])
    assert first <= 20 <= last


ARTICLES, PASSAGES, DIMENSIONS = 80, 100, 384


def vectors(seed: int, count: int) -> npt.NDArray[np.float16]:
    found = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def text(rng: random.Random) -> str:
    """About as long as a passage, and compressed to a third."""
    return " ".join(f"{rng.choice(WORDS)}" for _ in range(160))


WORDS = [f"{random.Random(n).getrandbits(30):x}"[: 3 + n % 6] for n in range(3000)]


def passages() -> pa.Table:
    """Long articles: with short ones, each 64 KiB that Xet stores as one would hold an edit."""
    rng = random.Random(0)
    count = ARTICLES * PASSAGES
    pages = np.repeat(np.arange(ARTICLES), PASSAGES)
    columns = {
        "id": pages,
        "url": [f"https://xx.wikipedia.org/wiki/Town_{page}" for page in pages],
        "title": [f"Town {page}" for page in pages],
        "revision_id": pages + 1000,
        "timestamp": pages * 1000,
        "section": ["History"] * count,
        "chunk_index": np.tile(np.arange(PASSAGES), ARTICLES),
        "start": np.tile(np.arange(PASSAGES) * 900, ARTICLES),
        "text": [text(rng) for _ in range(count)],
        "n_tokens": [240] * count,
        "hash": [f"{rng.getrandbits(128):032x}" for _ in range(count)],
        "embedding": list(vectors(1, count)),
    }
    return pa.table(columns, embedding_schema(DIMENSIONS))


def with_edits(table: pa.Table, share: float) -> pa.Table:
    """Edit two passages of some of the articles, chosen at random."""
    rng = random.Random(7)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    for page in rng.sample(range(ARTICLES), round(share * ARTICLES)):
        first = page * PASSAGES
        for row in range(first, first + PASSAGES):
            columns["revision_id"][row] += 5000
        edited = first + rng.randrange(PASSAGES - 1)
        for row in (edited, edited + 1):
            columns["text"][row] = text(rng)
            columns["hash"][row] = f"{rng.getrandbits(128):032x}"
            columns["embedding"][row] = vectors(row, 1)[0]
    return pa.table(columns, table.schema)


def test_with_a_tenth_of_long_articles_edited_the_hub_is_sent_at_most_30_percent(
    hub: LocalHub, tmp_path: Path
):
    hub.add(REPOSITORY, {"README.md": b"Towns"})
    before = passages()
    sent = []
    for name, table in (("before", before), ("after", with_edits(before, 0.1))):
        path = tmp_path / f"{name}.parquet"
        dataset._write(path, DIMENSIONS, [table], lambda _: None)
        already = hub.received_bytes("/v")
        assert upload(hub, tmp_path / "home", path) is None
        sent.append(hub.received_bytes("/v") - already)
    assert sent[0] > 0.8 * path.stat().st_size
    assert sent[1] < 0.3 * sent[0]
