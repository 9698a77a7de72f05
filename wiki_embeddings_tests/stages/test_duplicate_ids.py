from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.stages.duplicate_ids import repeated_pages
from wiki_embeddings.volume import Volume


def write_files(volume: Volume, ids_of_files: list[list[int]]) -> list[Path]:
    names = [f"file-{number}.parquet" for number in range(len(ids_of_files))]
    volume.root.mkdir(parents=True, exist_ok=True)
    for name, ids in zip(names, ids_of_files, strict=True):
        table = pa.table({"id": pa.array(ids, pa.int64()), "text": ["x"] * len(ids)})
        pq.write_table(table, volume.path(name), row_group_size=2)
    return [volume.path(name) for name in names]


def test_the_chunks_of_one_page_in_one_file_are_not_duplicates(volume):
    assert repeated_pages(write_files(volume, [[1, 1, 1, 5], [3, 3, 7]])) == 0


def test_a_page_in_three_files_counts_once(volume):
    assert repeated_pages(write_files(volume, [[1, 4, 4], [2, 4], [4, 9]])) == 1


def test_without_files_there_are_no_duplicates():
    assert repeated_pages([]) == 0


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 2**62), max_size=8), min_size=1, max_size=5), st.data())
def test_pages_in_more_than_one_file_are_counted(lists, data):
    shared = data.draw(st.lists(st.sampled_from([1, 2, 3]), max_size=6))
    files = [sorted(ids + shared[number::2]) for number, ids in enumerate(lists)]
    holders = Counter(page for ids in files for page in set(ids))
    expected = sum(count > 1 for count in holders.values())
    with tempfile.TemporaryDirectory() as folder:
        volume = Volume(Path(folder))
        assert repeated_pages(write_files(volume, files)) == expected
