from __future__ import annotations

from itertools import pairwise

import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from datasets import Features, List, Value, load_dataset
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.compute.local import LocalCompute
from wiki_embeddings.drive import drive
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import ShardFile
from wiki_embeddings.progress import silent
from wiki_embeddings.stages import publish
from wiki_embeddings_tests.synthetic import rows, write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=4, rows_each=10)


@pytest.fixture
def published(volume, vectors):
    two_shards = 2 * vectors.files[0].bytes + 1000
    plan = publish.plan(vectors, file_bytes=two_shards)
    return drive(plan, LocalCompute(volume.root, cores=1), silent, "hub_dataset").manifest


def test_the_folder_has_the_hubs_layout(volume, published):
    folder = volume.path(published.folder)
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == [
        "README.md",
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "manifest.json",
    ]
    assert published.rows == 40


def test_datasets_and_arrow_open_the_folder_as_it_is(tmp_path, volume, published):
    folder = volume.path(published.folder)
    dataset = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert dataset.features == Features(
        {
            "id": Value("int64"),
            "url": Value("string"),
            "title": Value("string"),
            "chunk_index": Value("int32"),
            "start": Value("int32"),
            "text": Value("string"),
            "n_tokens": Value("int32"),
            "hash": Value("string"),
            "embedding": List(Value("float16"), length=8),
        }
    )
    expected = rows(0, 40).to_pylist()
    assert dataset.to_list() == expected
    assert pads.dataset(folder / "data").to_table().to_pylist() == expected


def test_the_check_sees_what_datasets_sees(volume, published):
    assert publish.opens_with_datasets(volume, published.folder).passed
    data_file = volume.path(published.folder) / published.files[-1].name
    pq.write_table(rows(0, 3), data_file)
    assert not publish.opens_with_datasets(volume, published.folder).passed


def test_the_visible_name_changes_from_one_version_to_the_next(
    tmp_path, volume, vectors, published
):
    hub = tmp_path / "hub"
    first = publish.expose(volume, published.folder, hub)
    assert first == hub / "wikipedia-simple-tiny-model"
    assert (first / "README.md").is_file()

    smaller = publish.plan(vectors, file_bytes=1)
    second = drive(smaller, LocalCompute(volume.root, cores=1), silent, "hub_dataset").manifest
    assert publish.expose(volume, second.folder, hub) == first
    assert len(list((first / "data").iterdir())) == 4
    assert [path.name for path in hub.iterdir()] == ["wikipedia-simple-tiny-model"]
    assert volume.path(published.folder).is_dir(), "readers of the old version keep it"


def test_a_folder_in_the_way_is_not_touched(tmp_path, volume, published):
    mine = tmp_path / "hub" / "wikipedia-simple-tiny-model"
    mine.mkdir(parents=True)
    with pytest.raises(BadInputError, match="is in the way"):
        publish.expose(volume, published.folder, tmp_path / "hub")
    assert mine.is_dir()
    assert not mine.is_symlink()


@given(st.lists(st.integers(1, 50), max_size=12), st.integers(1, 100))
def test_files_are_grouped_in_order_up_to_the_size(sizes, limit):
    files = [ShardFile(str(n), 1, size, "", n, n, 1, {}) for n, size in enumerate(sizes)]
    groups = publish.grouped(files, limit)
    assert [file for group in groups for file in group] == files
    for group in groups:
        assert len(group) == 1 or sum(file.bytes for file in group) <= limit
    for one, other in pairwise(groups):
        assert sum(file.bytes for file in one) + other[0].bytes > limit
