from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wiki_embeddings.stages.preview import shortened


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two\n words", "two words"),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01 00:00:00+00:00"),
        (None, "None"),
        ([0.123456, 2.0], "[0.1235, 2]"),
        ([1.0] * 384, "[1, 1, 1, 1, …] (384)"),
        ([{"start": 105, "level": 2}], "[start 105 level 2]"),
    ],
)
def test_values_of_all_columns_are_shown_on_one_short_line(value, shown):
    assert shortened(value) == shown


def test_a_long_text_is_cut():
    assert len(shortened("word " * 100)) == 60
