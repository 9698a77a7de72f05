from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings.card import card
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search import from_folder, from_manifest, nearest
from wiki_embeddings_tests.synthetic import MODEL, rows, write_embeddings


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
    assert best.score == pytest.approx(1.0, abs=1e-3)
    assert [p.score for p in others] == sorted((p.score for p in others), reverse=True)


def test_the_answer_is_the_same_as_that_of_one_large_product(volume, vectors):
    question = np.ones(8, np.float32) / np.sqrt(np.float32(8))
    matrix = np.array(rows(0, 30).column("embedding").to_pylist(), np.float32)
    expected = np.argsort(-(matrix @ question), kind="stable")[:7]
    found = nearest(question, from_manifest(volume, vectors), 7)
    assert [passage.text for passage in found] == [f"Passage {n}, élan 🙂." for n in expected]


def test_fewer_passages_than_asked_for_are_all_given(volume, vectors):
    assert len(nearest(question_like(0), from_manifest(volume, vectors), 100)) == 30


def test_a_question_of_another_width_is_refused(volume, vectors):
    with pytest.raises(BadInputError, match="8 wide, the question's is 4"):
        nearest(np.ones(4, np.float32), from_manifest(volume, vectors), 1)


def test_a_published_folder_names_its_own_model(tmp_path, volume, vectors):
    (tmp_path / "data").mkdir()
    for file in vectors.files:
        (tmp_path / "data" / file.name).symlink_to(volume.path(vectors.reference(file)))
    (tmp_path / "README.md").write_text(card(vectors), encoding="utf-8")
    searchable = from_folder(tmp_path)
    assert (searchable.model, len(searchable.files)) == (MODEL, 3)
    assert searchable.revision == "0123456789abcdef0123456789abcdef01234567"

    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    with pytest.raises(BadInputError, match="does not name the model"):
        from_folder(tmp_path)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="is not a published dataset"):
        from_folder(tmp_path)
