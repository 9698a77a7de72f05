from __future__ import annotations

import os
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from wiki_embeddings import card, index_quality
from wiki_embeddings import volume as volumes
from wiki_embeddings.dataset_layout import INDEX_HEAD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import finished_shard, reported_names
from wiki_embeddings.stages import dataset, index_plan
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


def test_a_build_killed_at_any_step_is_continued_to_the_same_bytes(tmp_path, monkeypatch):
    """The steps are every file and every report: half written, and in its place."""
    monkeypatch.setattr(index_plan, "_LISTS_FILE_BYTES", 1500)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a kill loses nothing that was written
    monkeypatch.setattr(card, "card", lambda *_, **__: "It takes longer than all else.")
    volume = Volume(tmp_path / "whole")
    vectors = write_clustered_embeddings(volume, shards=2, shard_rows=100)
    with states_at_each_write(volume.root, tmp_path / "killed") as states:
        build_index(volume, vectors, rows_per_list=20)
    whole = contents(volume.root)
    assert sum("/lists-" in name for name in whole) == 2 * 2, "and a report of each"
    assert len(states) == 2 * sum("/embeddings/" not in name for name in whole)
    for root in states:
        killed = Volume(root)
        finished = {path: path.stat().st_ino for path in finished_files(killed)}
        build_index(killed, vectors, rows_per_list=20)
        assert contents(root) == whole, root.name
        assert {path: path.stat().st_ino for path in finished} == finished, "not made again"


@contextmanager
def states_at_each_write(root, copies):
    """Copy a folder at each step of what is made in it: this is what a kill leaves behind."""
    states: list[Path] = []
    put_in_place = Path.replace

    def copy():
        states.append(copies / f"step-{len(states)}")
        return shutil.copytree(root, states[-1])

    def replace(temporary, destination):
        os.truncate(copy() / temporary.relative_to(root), temporary.stat().st_size // 2)
        put_in_place(temporary, destination)
        copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        # No process has this number, so that whoever goes on takes the temporary files for left.
        patch.setattr(volumes, "this_process", lambda: f"{2**22 + 1}@{socket.gethostname()}")
        yield states


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def finished_files(volume):
    """Files that are there with their reports."""
    for reports in volume.root.glob("*/*/*.reports"):
        folder = str(reports.relative_to(volume.root).with_suffix(""))
        for name in reported_names(volume, folder):
            if finished_shard(volume, folder, name):
                yield volume.path(folder) / name


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
