"""The Python on the card that searches the index of a dataset without this project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from wiki_embeddings.card import card
from wiki_embeddings.dataset_layout import CARD
from wiki_embeddings.search.byte_ranges import FolderRanges
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings.stages import dataset, index_plan
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.indexed_dataset import (
    build_index,
    clustered_vectors,
    write_clustered_embeddings,
)

REPO_ID = "ada/wikipedia-simple"
TAG = "20231101"
QUALITY = {"recall": 0.99, "questions": 100, "bytes_per_question": 1_000_000}
QUESTIONS = clustered_vectors(9, 20).astype(np.float32)

# sentence-transformers needs PyTorch, which is not installed here: its vectors are made before.
STAND_IN = """
import json
import os

import numpy as np

QUESTIONS = json.loads(os.environ["QUESTIONS"])


class SentenceTransformer:
    def __init__(self, model, revision):
        assert (model, revision) == ("example/tiny-model", "0123456789abcdef" * 2 + "01234567")

    def encode(self, text, normalize_embeddings):
        return np.array(QUESTIONS.pop(0), "float32")
"""

ASK_ALL = """
import sys

from sentence_transformers import QUESTIONS

code = compile(sys.stdin.read(), "snippet", "exec")
while QUESTIONS:
    exec(code, {"__name__": "__main__"})
assert not [name for name in sys.modules if name.startswith("wiki_embeddings")]
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two data files with three row groups each, and 150 lists in three files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_plan, "_LISTS_FILE_BYTES", 3000)
        patch.setattr(dataset, "ROW_GROUP_ROWS", 100)
        volume = Volume(tmp_path_factory.mktemp("volume"))
        vectors = write_clustered_embeddings(volume, shards=4, shard_rows=150)
        return build_index(volume, vectors, rows_per_list=4)


def ask_all(code, questions, folder, tmp_path, environment):
    """Run the Python of a card with each question in one new process; the lines that it prints."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/sentence_transformers.py").write_text(STAND_IN)
    asked = {"QUESTIONS": json.dumps(questions.tolist()), "PYTHONPATH": str(tmp_path / "modules")}
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL],
        input=code,
        cwd=folder,
        env={**os.environ, "HF_HOME": str(tmp_path / "home"), **asked, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_the_python_on_the_card_finds_what_our_search_finds(built, hub, tmp_path, place):
    folder = shutil.copytree(built.folder, tmp_path / "published")
    repo_id = REPO_ID if place == "hub" else None
    questions = QUESTIONS[: 2 if repo_id else None]
    page = card(built.vectors, index_quality=QUALITY, repo_id=repo_id, tag=TAG)
    (folder / CARD).write_text(page, encoding="utf-8")
    if repo_id:
        hub.add(REPO_ID, {CARD: b"The next snapshot, with nothing in it."})
        hub.add(REPO_ID, folder, branch=TAG)
    (code,) = re.findall(r"```python\n(import json\n.*?)```", page, re.DOTALL)
    environment = {"HF_ENDPOINT": hub.url} if repo_id else {}
    printed = ask_all(code, questions, tmp_path if repo_id else folder, tmp_path, environment)

    rows = IndexedRows(FolderRanges(folder))
    expected = [
        f"{passage.score:.3f} {passage.title}: {passage.text!r}"
        for question in questions
        for passage in rows.nearest(question, 5)
    ]
    rows.close()
    assert len(printed) == len(expected)
    assert len(set(printed) & set(expected)) >= 0.98 * len(expected)


def test_a_card_without_an_index_does_not_search_one(built):
    assert "index/head" not in card(built.vectors)
