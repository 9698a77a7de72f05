from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings import index_quality
from wiki_embeddings.dataset_layout import INDEX_HEAD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.stages import dataset
from wiki_embeddings.vector_index.head import CRC_BYTES, from_bytes
from wiki_embeddings.vector_index.quantization import record_type
from wiki_embeddings.volume import Volume, index_quality_record, reports_folder
from wiki_embeddings_tests.support.indexed_dataset import (
    DIMENSIONS,
    ROWS,
    build_index,
    write_clustered_embeddings,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    volume = Volume(tmp_path_factory.mktemp("volume"))
    return build_index(volume, write_clustered_embeddings(volume))


def read_head(built):
    return from_bytes((built.folder / INDEX_HEAD).read_bytes(), "the head")


def test_the_manifest_lists_the_index_with_the_data(built):
    names = [file.name for file in built.dataset.files if file.name.startswith("index/")]
    assert names == ["index/head.safetensors", "index/lists-00000-of-00001.bin"]
    assert built.dataset.rows == ROWS, "rows of the data are counted once"


def test_every_row_is_in_one_list(built):
    head = read_head(built)
    (lists,) = (built.folder / "index").glob("lists-*")
    content = lists.read_bytes()
    assert len(content) == head.list_bytes.sum()
    rows = []
    _, starts = head.list_places
    for start, size in zip(starts, head.list_bytes, strict=True):
        records = content[start : start + size - CRC_BYTES]
        rows.append(np.frombuffer(records, record_type(DIMENSIONS))["row"])
    assert all((np.diff(each.astype(int)) > 0).all() for each in rows)
    assert sorted(np.concatenate(rows)) == list(range(ROWS))


def test_the_head_names_the_data_files_that_it_belongs_to(built):
    head = read_head(built)
    data = {file.name: file for file in built.dataset.files if file.rows}
    assert [file.name for file in head.files] == sorted(data)
    assert all(file.sha256 == data[file.name].sha256 for file in head.files)
    assert head.embeddings == built.vectors.digest


def test_it_is_the_same_bytes_from_several_processes_and_after_losses(built, tmp_path):
    """A killed run leaves some files, with reports or without; the next makes the others."""
    volume = Volume(tmp_path)
    vectors = write_clustered_embeddings(volume)
    first = build_index(volume, vectors)
    assert first.dataset == built.dataset
    lost = [
        *volume.path(first.codes.folder).glob("shard-0000[12]*"),
        volume.path(reports_folder(first.codes.folder)) / "shard-00003.safetensors.json",
        first.folder / INDEX_HEAD,
        first.folder / "data/train-00000-of-00002.parquet",
        *volume.path("simple/centroids").glob("*/centroids.safetensors"),
    ]
    for path in lost:
        path.unlink()
    (first.folder / "index/lists-00000-of-00001.bin").write_bytes(b"half")
    assert build_index(volume, vectors, cores=2).dataset == built.dataset


def test_a_damaged_shard_of_codes_is_refused(tmp_path):
    volume = Volume(tmp_path)
    made = build_index(volume, write_clustered_embeddings(volume))
    (made.folder / INDEX_HEAD).unlink()
    shard = volume.path(made.codes.folder) / "shard-00001.safetensors"
    altered = bytearray(shard.read_bytes())
    altered[-1] ^= 1
    shard.write_bytes(altered)
    plan = dataset.plan(made.vectors, shards_per_file=2, codes=made.codes)
    (head,) = dataset.plan_head(plan, made.codes).specs
    with pytest.raises(BadInputError, match="differs from its manifest"):
        dataset.make_dataset_file(head, volume, lambda _: None)


def test_quality_is_measured_with_stored_vectors_and_recorded(built):
    quality = index_quality.measure(built.volume, built.dataset.folder)
    assert quality.questions == 100
    assert quality.recall > 0.98, "a small index is read whole"
    assert 1 <= quality.largest_list < 8
    assert quality.lists == 60
    assert index_quality.read_quality(built.volume, built.dataset.folder) == quality
    built.volume.write_bytes(index_quality_record(built.dataset.folder), b"{}")
    assert index_quality.read_quality(built.volume, built.dataset.folder) is None
