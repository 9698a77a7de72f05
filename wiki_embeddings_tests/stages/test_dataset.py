from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from datasets import Features, List, Value, load_dataset
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.dataset_layout import SMALL_FILE
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.progress import silent
from wiki_embeddings.stages import dataset as publish
from wiki_embeddings.stages.load_check import opens_with_datasets
from wiki_embeddings_tests.support.synthetic import rows, write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=4, rows_each=14)


@pytest.fixture
def published(volume, vectors):
    plan = publish.plan(vectors, shards_per_file=3)
    return materialize(plan, LocalCompute(volume.root, cores=1), silent, "hub_dataset").manifest


def test_the_folder_has_the_hubs_layout(volume, published):
    folder = volume.path(published.folder)
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == [
        "README.md",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "manifest.json",
        "small/train-00000-of-00001.parquet",
    ]
    assert published.rows == 56, "the rows for a first look are counted once"


def test_datasets_and_arrow_open_the_folder_as_it_is(tmp_path, volume, published):
    folder = volume.path(published.folder)
    dataset = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert dataset.features == Features(
        {
            "id": Value("int64"),
            "url": Value("string"),
            "title": Value("string"),
            "revision_id": Value("int64"),
            "timestamp": Value("timestamp[ms, tz=UTC]"),
            "section": Value("string"),
            "chunk_index": Value("int32"),
            "start": Value("int32"),
            "text": Value("string"),
            "n_tokens": Value("int32"),
            "hash": Value("string"),
            "embedding": List(Value("float16"), length=8),
        }
    )
    expected = rows(0, 56).to_pylist()
    assert dataset.to_list() == expected
    assert pads.dataset(folder / "data").to_table().to_pylist() == expected


def test_the_check_sees_what_datasets_sees(volume, published):
    result = opens_with_datasets(volume, published.folder)
    assert result.passed
    assert {name for name in result.metadata if name.startswith("opens_as_")} == {
        "opens_as_default",
        "opens_as_vectors",
        "opens_as_small",
    }
    data_file = volume.path(published.folder) / "data/train-00001-of-00002.parquet"
    pq.write_table(rows(0, 3), data_file)
    assert not opens_with_datasets(volume, published.folder).passed


def test_the_check_misses_a_file_even_if_the_rows_are_all_there(volume, published):
    folder = volume.path(published.folder) / "data"
    (folder / "train-00001-of-00002.parquet").rename(folder / "train-00001-of-00003.parquet")
    result = opens_with_datasets(volume, published.folder)
    assert not result.passed
    assert result.metadata["rows_in_footers"] == result.metadata["rows_in_manifest"]
    assert result.metadata["files_missing_or_extra"] == 2


def test_files_can_be_read_in_parts(volume, published):
    data_file = volume.path(published.folder) / "data/train-00000-of-00002.parquet"
    with pq.ParquetFile(data_file) as parquet:
        group = parquet.metadata.row_group(0)
        columns = {group.column(n).path_in_schema: group.column(n) for n in range(12)}
    assert all(column.has_column_index or column.has_offset_index for column in columns.values())
    plain = {name for name, column in columns.items() if column.compression != "ZSTD"}
    assert plain == {"embedding.list.element"}
    assert columns["id"].statistics.max == 6
    assert columns["text"].statistics is None
    assert "BYTE_STREAM_SPLIT" not in columns["embedding.list.element"].encodings


def test_removing_rows_keeps_the_other_pages_identical(tmp_path):
    """Pages are cut by content, so that the Hub, which goes by content, stores what changed."""
    before = rows(0, 9_000, dimensions=128)
    after = pa.concat_tables([before.slice(0, 10), before.slice(13)])
    written = []
    for number, table in enumerate((before, after)):
        path = tmp_path / f"{number}.parquet"
        publish._write(path, 128, [table], ignored)
        written.append(path.read_bytes())
    assert shared(*written) > 0.94, "0.92 with pages of equal size"


def shared(one: bytes, other: bytes, block: int = 512) -> float:
    """Share of the second's bytes that lie in blocks of the first, wherever they lie now."""
    blocks = {one[begin : begin + block] for begin in range(0, len(one) - block, block)}
    found = begin = 0
    while begin <= len(other) - block:
        hit = other[begin : begin + block] in blocks
        found += block if hit else 0
        begin += block if hit else 1
    return found / len(other)


def ignored(_: int) -> None:
    """Nobody watches."""


def test_the_small_file_has_rows_from_everywhere(volume, vectors, monkeypatch):
    monkeypatch.setattr(publish, "SMALL_ROWS", 8)
    monkeypatch.setattr(publish, "_SMALL_WINDOWS", 4)
    plan = publish.plan(vectors, shards_per_file=1)
    publish.make_dataset_file(plan.specs[-2], volume, ignored)
    small = pq.read_table(volume.path(plan.folder) / SMALL_FILE)
    assert small.schema == rows(0, 1).schema
    expected = rows(0, 56).take([0, 1, 14, 15, 28, 29, 42, 43])
    assert small.to_pylist() == expected.to_pylist()


@given(st.integers(0, 50_000), st.integers(1, 12_000))
def test_the_windows_of_the_small_file_are_spread_and_complete(there, wanted):
    found = publish.sample_windows(there, wanted)
    assert sum(map(len, found)) == min(there, wanted)
    assert all(one.stop <= other.start for one, other in pairwise(found))
    assert not found or found[-1].stop <= there
    gaps = [other.start - one.stop for one, other in pairwise(found)]
    assert max(gaps, default=0) - min(gaps, default=0) <= 1


@given(st.lists(st.integers(1, 50), unique=True, max_size=30).map(sorted), st.integers(1, 9))
def test_files_end_where_page_ids_say(last_ids, shards_per_file):
    files = [ShardFile(str(n), 1, n * 7, "", n, n, 1, {}) for n in last_ids]
    groups = publish.group_files(files, shards_per_file)
    assert [file for group in groups for file in group] == files
    assert all(len(group) > shards_per_file // 2 for group in groups[:-1])
    larger = [replace(file, bytes=1000, sha256="other", rows=9) for file in files]
    assert [len(group) for group in publish.group_files(larger, shards_per_file)] == [
        len(group) for group in groups
    ]
    if shards_per_file == 1:
        assert all(len(group) == 1 for group in groups)
