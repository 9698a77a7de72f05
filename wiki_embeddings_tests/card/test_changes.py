from __future__ import annotations

import dataclasses
import json

from wiki_embeddings.card import card, summary
from wiki_embeddings_tests.card.cards import section, with_settings


def test_the_first_snapshot_is_marked(vectors):
    assert "first snapshot published here" in section(
        card(vectors, is_first=True), "What changed since the last snapshot"
    )


def test_an_unpublished_card_does_not_say_what_changed(vectors):
    assert "What changed" not in card(vectors)


def test_a_later_snapshot_is_compared_with_the_one_before(vectors):
    earlier = with_settings(
        with_settings(vectors, "raw", snapshot="20221101"), "embeddings", precision="int8"
    )
    fewer = dataclasses.replace(earlier, files=vectors.files[:1])
    before = json.loads(json.dumps(summary(fewer)))
    text = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| | 20221101 | 20231101 | difference |" in text
    assert "| Passages | 10 | 20 | +10 |" in text
    assert "- Arithmetic: `int8` → `float32`" in text
    assert text.count("→") == 1
    assert "first snapshot" not in text


def test_a_count_that_shrank_has_a_negative_difference(vectors):
    before = {**summary(vectors), "articles": 1_234_567}
    text = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| Articles | 1,234,567 | 10 | -1,234,557 |" in text
    assert "| Passages | 20 | 20 | 0 |" in text
    assert "made with the same settings" in text


def test_a_setting_that_an_earlier_release_did_not_record_is_not_known(vectors):
    before = summary(vectors)
    del before["settings"]["runtime"]
    assert "- Runtime: not known → `onnxruntime 1.32.0`" in card(vectors, previous=before)
