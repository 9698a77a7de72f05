"""What an edit changes in the published files, and what the Hub is sent of it by Xet."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

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


ROWS, DIMENSIONS = 8_000, 384


def vectors(seed: int, count: int) -> npt.NDArray[np.float16]:
    found = np.random.default_rng(seed).standard_normal((count, DIMENSIONS), np.float32)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def text(rng: random.Random) -> str:
    """About as long as a passage, and compressed to a third."""
    return " ".join(f"{rng.choice(WORDS)}" for _ in range(160))


WORDS = [f"{random.Random(n).getrandbits(30):x}"[: 3 + n % 6] for n in range(3000)]


def passages(in_article: int) -> pa.Table:
    """Passages of articles of equal length."""
    rng = random.Random(0)
    pages, indices = np.divmod(np.arange(ROWS), in_article)
    columns = {
        "id": pages,
        "url": [f"https://xx.wikipedia.org/wiki/Town_{page}" for page in pages],
        "title": [f"Town {page}" for page in pages],
        "revision_id": pages + 1000,
        "timestamp": pages * 1000,
        "section": ["History"] * ROWS,
        "chunk_index": indices,
        "start": indices * 900,
        "text": [text(rng) for _ in range(ROWS)],
        "n_tokens": [240] * ROWS,
        "hash": [f"{rng.getrandbits(128):032x}" for _ in range(ROWS)],
        "embedding": list(vectors(1, ROWS)),
    }
    return pa.table(columns, embedding_schema(DIMENSIONS))


def with_edits(table: pa.Table, share: float) -> pa.Table:
    """Edit two passages of some of the articles, chosen at random."""
    rng = random.Random(7)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    articles = columns["id"][-1] + 1
    in_article = ROWS // articles
    for page in rng.sample(range(articles), round(share * articles)):
        first = page * in_article
        for row in range(first, first + in_article):
            columns["revision_id"][row] += 5000
        edited = first + rng.randrange(in_article - 1)
        for row in (edited, edited + 1):
            columns["text"][row] = text(rng)
            columns["hash"][row] = f"{rng.getrandbits(128):032x}"
            columns["embedding"][row] = vectors(row, 1)[0]
    return pa.table(columns, table.schema)


# Xet stores pieces of about 64 KiB and is sent those in which anything changed. A piece holds some
# 85 vectors: less than an article of 100 passages, but 21 articles of 4, which is the usual length.
# With a tenth of these edited, hardly a piece stays the same (97 % are sent, which nothing could
# make worse), so the figure to watch is that of 2 %; 55 % when it was recorded.
@pytest.mark.parametrize(
    ("in_article", "edited", "most"),
    [
        pytest.param(100, 0.10, 0.30, id="a tenth of long articles"),
        pytest.param(4, 0.02, 0.58, id="2 % of short articles"),
    ],
)
def test_of_an_edited_snapshot_the_hub_is_sent_no_larger_share(
    hub: LocalHub, tmp_path: Path, in_article: int, edited: float, most: float
):
    hub.add(REPOSITORY, {"README.md": b"Towns"})
    before = passages(in_article)
    sent = []
    for name, table in (("before", before), ("after", with_edits(before, edited))):
        path = tmp_path / f"{name}.parquet"
        dataset._write(path, DIMENSIONS, [table], lambda _: None)
        already = hub.received_bytes("/v")
        assert upload(hub, tmp_path / "home", path) is None
        sent.append(hub.received_bytes("/v") - already)
    assert sent[0] > 0.8 * path.stat().st_size
    assert sent[1] < most * sent[0]
