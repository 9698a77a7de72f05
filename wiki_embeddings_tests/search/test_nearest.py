from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from wiki_embeddings.card import card
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.nearest import ExactRows, from_folder, from_manifest, nearest
from wiki_embeddings_tests.support.synthetic import MODEL, rows, write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=3, rows_each=10)


def question_like(row: int) -> np.ndarray:
    vector = np.asarray(rows(row, 1).column("embedding")[0].as_py(), np.float32)
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("row", [0, 13, 29])
def test_the_passage_itself_is_the_nearest_to_its_own_vector(volume, vectors, row):
    best, *others = nearest(question_like(row), from_manifest(volume, vectors), 5)
    assert best.text == f"Passage {row}, élan 🙂."
    assert best.title == f"Article {row // 2}"
    assert best.section == ("History" if row % 2 else "")
    assert best.url == f"https://simple.wikipedia.org/wiki/{row // 2}?oldid={1000 + row // 2}"
    assert best.score == pytest.approx(1.0, abs=1e-3)
    assert [p.score for p in others] == sorted((p.score for p in others), reverse=True)


def test_the_result_equals_that_of_one_matrix_product(volume, vectors):
    question = np.ones(8, np.float32) / np.sqrt(np.float32(8))
    matrix = np.array(rows(0, 30).column("embedding").to_pylist(), np.float32)
    expected = np.argsort(-(matrix @ question), kind="stable")[:7]
    found = nearest(question, from_manifest(volume, vectors), 7)
    assert [passage.text for passage in found] == [f"Passage {n}, élan 🙂." for n in expected]


def test_all_passages_are_returned_if_there_are_fewer_than_requested(volume, vectors):
    assert len(nearest(question_like(0), from_manifest(volume, vectors), 100)) == 30


def test_a_question_with_other_dimensions_is_refused(volume, vectors):
    with pytest.raises(BadInputError, match="have 8 dimensions, the question has 4"):
        nearest(np.ones(4, np.float32), from_manifest(volume, vectors), 1)


@pytest.fixture
def published(tmp_path, volume, vectors) -> Path:
    """A folder in Hub layout with three files."""
    folder = tmp_path / "published"
    (folder / "data").mkdir(parents=True)
    for number, file in enumerate(vectors.files):
        name = f"train-{number:05d}-of-{len(vectors.files):05d}.parquet"
        shutil.copyfile(volume.path(vectors.reference(file)), folder / "data" / name)
    (folder / "README.md").write_text(card(vectors), encoding="utf-8")
    return folder


def test_a_published_folder_names_its_own_model(published):
    files = from_folder(published)
    assert (files.model.name, len(files.files)) == (MODEL, 3)
    assert files.model.revision == "0123456789abcdef0123456789abcdef01234567"
    assert (files.model.query_prefix, files.model.pooling) == ("query: ", "mean")


def test_a_folder_is_searched_completely_or_in_its_small_config(published):
    (published / "small").mkdir()
    small_file = published / "small/train-00000-of-00001.parquet"
    shutil.copyfile(published / "data/train-00002-of-00003.parquet", small_file)
    assert {file.parent.name for file in from_folder(published).files} == {"data"}
    small = from_folder(published, "small")
    assert small.files == (small_file,)


@pytest.mark.parametrize("number", range(3))
def test_a_folder_that_lacks_a_file_is_refused(published, number):
    (published / f"data/train-{number:05d}-of-00003.parquet").unlink()
    with pytest.raises(
        BadInputError, match=f"config default: train-{number:05d}-of-00003.parquet is missing"
    ):
        from_folder(published)


def test_a_folder_into_which_two_versions_were_downloaded_is_refused(published):
    first = published / "data/train-00000-of-00003.parquet"
    shutil.copyfile(first, published / "data/train-00000-of-00001.parquet")
    with pytest.raises(BadInputError, match="00001 and 00003, so files of two versions are mixed"):
        from_folder(published)


def test_a_folder_without_a_small_config_is_refused(published):
    with pytest.raises(
        BadInputError, match=r"is not a published dataset: .* small/train-\*\.parquet"
    ):
        from_folder(published, "small")


def test_vectors_on_the_volume_name_their_prefix_and_pooling(volume, vectors):
    model = from_manifest(volume, vectors).model
    assert (model.query_prefix, model.pooling) == ("query: ", "mean")


@pytest.mark.parametrize(
    "text",
    [
        "---\nlicense: mit\n---\n",
        "---\nwiki_embeddings: 3\n---\n",
        "---\nwiki_embeddings:\n---\n",
        "No YAML at all.\n",
    ],
)
def test_a_card_that_does_not_name_the_model_is_refused(published, text):
    (published / "README.md").write_text(text)
    with pytest.raises(BadInputError, match=r"README\.md does not name the model"):
        from_folder(published)


@pytest.mark.parametrize(
    "content", [b"---\na: [1\n---\n", b"---\n- a\n---\n", b"---\n\xff\xfe: 1\n---\n"]
)
def test_a_card_that_cannot_be_read_is_refused(published, content):
    (published / "README.md").write_bytes(content)
    with pytest.raises(BadInputError, match=r"Cannot read .*README\.md: .* again"):
        from_folder(published)


def damaged(path: Path) -> bytes:
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    return bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(damaged(path)),
    ],
    ids=["gone", "empty", "truncated", "damaged"],
)
def test_a_file_that_cannot_be_read_is_named(published, spoil):
    files = from_folder(published)
    spoil(files.files[1])
    with pytest.raises(
        BadInputError, match=r"Cannot read .*train-00001-of-00003\.parquet: .* again"
    ):
        nearest(question_like(0), files, 1)


def test_progress_reports_all_bytes(volume, vectors):
    files = from_manifest(volume, vectors)
    progress: list[int] = []
    nearest(question_like(0), files, 1, progress.append)
    assert progress == [file.stat().st_size for file in files.files]


@pytest.mark.parametrize("column", ["embedding", "title"])
def test_a_file_without_a_column_is_named(published, column):
    files = from_folder(published)
    pq.write_table(rows(0, 10).drop_columns(column), files.files[2])
    with pytest.raises(
        BadInputError, match=rf"train-00002-of-00003\.parquet has no column `{column}`"
    ):
        nearest(question_like(0), files, 1)


@pytest.mark.parametrize("missing", [["section", "revision_id", "timestamp"], ["revision_id"]])
def test_datasets_of_earlier_releases_are_searched_too(published, missing):
    files = from_folder(published)
    for number, path in enumerate(files.files):
        pq.write_table(rows(10 * number, 10).drop_columns(missing), path)
    (best,) = nearest(question_like(13), files, 1)
    assert (best.title, best.url) == ("Article 6", "https://simple.wikipedia.org/wiki/6")
    assert best.section == ("" if "section" in missing else "History")


def test_a_source_without_revisions_gives_the_address_of_the_article(published):
    files = from_folder(published)
    table = rows(0, 10)
    place = table.schema.get_field_index("revision_id")
    unknown = table.set_column(place, table.schema.field(place), pa.nulls(10, pa.int64()))
    pq.write_table(unknown, files.files[0])
    (best,) = nearest(question_like(3), files, 1)
    assert best.url == "https://simple.wikipedia.org/wiki/1"


def test_vectors_of_different_lengths_are_refused(published):
    files = from_folder(published)
    table = rows(0, 10)
    lists = [row[:2] for row in table.column("embedding").to_pylist()]
    position = table.schema.get_field_index("embedding")
    pq.write_table(table.set_column(position, "embedding", [lists]), files.files[0])
    with pytest.raises(BadInputError, match="vectors of different lengths"):
        nearest(question_like(0), files, 1)


def test_a_file_with_a_missing_vector_is_named_with_what_to_do(published):
    files = from_folder(published)
    table = rows(0, 10)
    position = table.schema.get_field_index("embedding")
    column = pc.if_else(pc.equal(table.column("chunk_index"), 1), None, table.column("embedding"))
    field = table.schema.field("embedding").with_nullable(True)
    pq.write_table(table.set_column(position, field, column), files.files[0])
    with pytest.raises(
        BadInputError,
        match=r"Cannot read .*train-00000-of-00003\.parquet: 5 rows have no vector\. ",
    ):
        nearest(question_like(0), files, 1)


@pytest.mark.parametrize(
    ("column", "type_", "wrong"),
    [
        ("title", pa.int64(), "int64 in the column `title`"),
        ("section", pa.int64(), "int64 in the column `section`"),
        ("revision_id", pa.string(), "string in the column `revision_id`"),
        ("embedding", pa.list_(pa.int16(), 8), "vectors of int16"),
    ],
)
def test_columns_of_other_types_are_refused(published, column, type_, wrong):
    files = from_folder(published)
    table = rows(0, 10)
    position = table.schema.get_field_index(column)
    other = pa.nulls(10, type_)
    pq.write_table(table.set_column(position, column, other), files.files[0])
    with pytest.raises(BadInputError, match=wrong):
        nearest(question_like(0), files, 1)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="is not a published dataset"):
        from_folder(tmp_path)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused(volume, vectors, number):
    path = volume.path(vectors.reference(vectors.files[1]))
    table = pq.read_table(path)
    rows = table["embedding"].to_pylist()
    rows[3] = [number] * len(rows[3])
    field = table.schema.get_field_index("embedding")
    changed = table.set_column(
        field, table.schema.field(field), pa.array(rows, table.schema.field(field).type)
    )
    pq.write_table(changed, path)
    files = from_manifest(volume, vectors)
    with pytest.raises(BadInputError, match="vectors with infinite numbers or none"):
        nearest(question_like(0), files, 3)
    with pytest.raises(BadInputError, match="vectors with infinite numbers or none"):
        ExactRows(files).vector(13)


def test_a_rows_own_vector_is_its_nearest(volume, vectors):
    rows_ = ExactRows(from_manifest(volume, vectors))
    for row in (0, 9, 10, 29):
        vector = rows_.vector(row)
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)
        assert rows_.nearest(vector, 1)[0].row == row
