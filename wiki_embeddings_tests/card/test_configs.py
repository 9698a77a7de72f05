from __future__ import annotations

import pytest

from wiki_embeddings.card import card
from wiki_embeddings.dataset_layout import SMALL_ROWS
from wiki_embeddings_tests.card.cards import front_matter, with_rows


def test_the_config_without_texts_reads_the_same_files(vectors):
    default, without_text, small = front_matter(card(vectors))["configs"]
    assert default["default"] is True
    assert without_text["data_files"] == default["data_files"]
    assert without_text["columns"] == ["id", "chunk_index", "hash", "embedding"]
    assert small["data_files"] == [{"split": "train", "path": "small/train-*.parquet"}]


def test_the_small_config_has_no_more_rows_than_its_file(vectors):
    rows = 3 * SMALL_ROWS
    whole, _, small = front_matter(card(with_rows(vectors, rows)))["dataset_info"]
    assert whole["splits"][0]["num_examples"] == rows
    assert small["splits"][0]["num_examples"] == SMALL_ROWS
    assert small["dataset_size"] == pytest.approx(whole["dataset_size"] / 3, abs=1)
