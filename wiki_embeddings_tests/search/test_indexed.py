from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wiki_embeddings.dataset_layout import INDEX_HEAD
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.byte_ranges import FolderRanges, MissingFileError
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings.search.nearest import VectorFiles, nearest
from wiki_embeddings.search.passages import PassageFilter
from wiki_embeddings.search.vector_model import VectorModel
from wiki_embeddings.vector_index.probes import Budget
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.indexed_dataset import (
    DIMENSIONS,
    ROWS,
    build_index,
    clustered_vectors,
    write_clustered_embeddings,
)

LISTS = "index/lists-00000-of-00001.bin"
DATA = "data/train-00001-of-00002.parquet"
QUESTIONS = clustered_vectors(9, 40).astype(np.float32)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    volume = Volume(tmp_path_factory.mktemp("volume"))
    return build_index(volume, write_clustered_embeddings(volume, seed=1))


@pytest.fixture(scope="module")
def other_snapshot(tmp_path_factory):
    volume = Volume(tmp_path_factory.mktemp("volume"))
    return build_index(volume, write_clustered_embeddings(volume, seed=2))


@pytest.fixture
def copy(built, tmp_path):
    return Path(shutil.copytree(built.folder, tmp_path / "copy"))


@pytest.fixture
def rows(built):
    opened = IndexedRows(FolderRanges(built.folder))
    yield opened
    opened.close()


def exact(built, question, count, allowed=PassageFilter()):  # noqa: B008 (it is frozen)
    files = tuple(sorted((built.folder / "data").glob("*.parquet")))
    model = VectorModel("model", "revision", None, "")
    return nearest(question, VectorFiles(files, model), count, allowed=allowed)


def search_all(folder: Path) -> None:
    """Ask questions until every file has been read."""
    opened = IndexedRows(FolderRanges(folder))
    for question in QUESTIONS:
        opened.nearest(question, 10)


def test_it_finds_what_an_exact_search_finds(built, rows):
    same = 0
    for question in QUESTIONS:
        found, expected = rows.nearest(question, 10), exact(built, question, 10)
        same += [each.row for each in found] == [each.row for each in expected]
        if found[0].row == expected[0].row:
            assert found[0].score == pytest.approx(expected[0].score, abs=1e-6)
            assert found[0].text == expected[0].text
            assert found[0].url == expected[0].url
    assert same >= 38


def test_a_question_reads_no_more_than_its_budget(built):
    files = FolderRanges(built.folder)
    rows = IndexedRows(files, Budget(bytes=20_000, ranges=5))
    before, requests = files.traffic.bytes, files.traffic.requests
    found = rows.nearest_rows(QUESTIONS[0], 10)[0]
    candidates = 120 - 5
    assert len(found) == 10
    assert files.traffic.bytes - before <= 20_000 + candidates * DIMENSIONS * 2
    assert files.traffic.requests - requests <= 5 + candidates


def test_more_passages_than_there_are_gives_all_of_them(rows):
    found, scores = rows.nearest_rows(QUESTIONS[0], ROWS + 5)
    assert sorted(found) == list(range(ROWS))
    assert (np.diff(scores) <= 0).all()


def test_a_filter_is_applied_to_the_nearest(built, rows):
    lead = PassageFilter(section="history")
    found = rows.nearest(QUESTIONS[1], 5, lead)
    assert [each.row for each in found] == [
        each.row for each in exact(built, QUESTIONS[1], 5, lead)
    ]
    assert {each.section for each in found} == {"History"}
    assert rows.nearest(QUESTIONS[1], 5, PassageFilter(title="no such title")) == []


def test_the_vector_of_a_row_has_unit_length(rows):
    stored = clustered_vectors(1)[ROWS - 1].astype(np.float32)
    assert rows.vector(ROWS - 1) == pytest.approx(stored / np.linalg.norm(stored))
    with pytest.raises(BadInputError, match="no row 6000"):
        rows.vector(ROWS)


def test_ten_searches_at_once_find_the_same(rows):
    alone = [rows.nearest(question, 10) for question in QUESTIONS[:10]]
    with ThreadPoolExecutor(10) as threads:
        together = list(threads.map(lambda question: rows.nearest(question, 10), QUESTIONS[:10]))
    assert together == alone


def test_a_question_of_another_model_is_refused(rows):
    with pytest.raises(BadInputError, match="another model"):
        rows.nearest(np.ones(8, np.float32), 10)


def test_a_dataset_without_an_index_says_so(tmp_path):
    with pytest.raises(MissingFileError):
        IndexedRows(FolderRanges(tmp_path))


@pytest.mark.parametrize("name", [INDEX_HEAD, LISTS, DATA])
def test_a_mixture_of_two_snapshots_is_refused(copy, other_snapshot, name):
    shutil.copy(other_snapshot.folder / name, copy / name)
    with pytest.raises(BadInputError, match=r"belong to the index|check sum"):
        search_all(copy)


def test_vectors_of_the_same_size_but_another_content_are_refused(copy):
    content = bytearray((copy / DATA).read_bytes())
    opened = IndexedRows(FolderRanges(copy))
    for row in range(ROWS):
        name, (start, _) = opened._texts.vector_place(row, DIMENSIONS * 2)
        if name == DATA:
            content[start + 1] ^= 0x80  # the sign of the first number
    (copy / DATA).write_bytes(content)
    with pytest.raises(BadInputError, match="not those that were indexed"):
        search_all(copy)


@pytest.mark.parametrize("name", [LISTS, DATA])
def test_a_file_that_is_cut_short_is_refused(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(WikiEmbeddingsError):
        search_all(copy)


def test_a_flipped_bit_in_a_list_is_refused(copy):
    content = bytearray((copy / LISTS).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / LISTS).write_bytes(content)
    with pytest.raises(BadInputError, match="check sum"):
        search_all(copy)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_hostile_head_gives_an_error_or_right_answers(built, rows, data):
    content = bytearray((built.folder / INDEX_HEAD).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(content), len(content) // 2, 9, 0]))

    class Altered(FolderRanges):
        def size(self, path):
            return cut if path == INDEX_HEAD else super().size(path)

        def read(self, path, ranges):
            if path == INDEX_HEAD:
                return [bytes(content[:cut])]
            return super().read(path, ranges)

    try:
        found = IndexedRows(Altered(built.folder)).nearest(QUESTIONS[0], 3)
    except WikiEmbeddingsError:
        return
    assert {each.text for each in found} <= {each.text for each in rows.nearest(QUESTIONS[0], 100)}
