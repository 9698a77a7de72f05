from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.chunking import section_paths

TEXT = """Lead.

History

Early years

Born.

Later

Died.

Legacy

Awards

None."""

HEADINGS = [("History", 2), ("Early years", 3), ("Later", 3), ("Legacy", 2), ("Awards", 4)]


def sections_of(*passages: str) -> list[str]:
    headings = [(TEXT.index(title), level) for title, level in HEADINGS]
    return section_paths(TEXT, headings, [TEXT.index(passage) for passage in passages])


@pytest.mark.parametrize(
    ("passage", "section"),
    [
        ("Lead.", ""),
        ("Born.", "History / Early years"),
        ("Died.", "History / Later"),
        ("None.", "Legacy / Awards"),
        ("Later", "History / Later"),
        ("History", "History / Early years"),
        ("Early years", "History / Early years"),
        ("Legacy", "Legacy / Awards"),
        ("story", "History"),
    ],
)
def test_a_chunk_has_the_path_of_its_first_sentence(passage, section):
    assert sections_of(passage) == [section]


def test_chunks_of_one_article_are_named_in_their_order():
    assert sections_of("Lead.", "Born.", "Legacy") == [
        "",
        "History / Early years",
        "Legacy / Awards",
    ]


def test_an_article_without_headings_is_all_lead():
    assert section_paths(TEXT, [], [0, 20]) == ["", ""]


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=8), st.data())
def test_a_path_consists_of_headings_that_stand_before_the_text_of_the_chunk(drawn, data):
    """Nested as the levels say: each heading is of a lower level than the one before it."""
    text, headings = "", []
    for number, (level, has_text) in enumerate(drawn):
        headings.append((len(text), level))
        text += f"Heading {number}\n\n" + "Some text.\n\n" * has_text
    start = data.draw(st.integers(0, len(text)))
    (section,) = section_paths(text, headings, [start])
    numbers = [int(title.removeprefix("Heading ")) for title in section.split(" / ") if title]
    begun = [n for n, (place, _) in enumerate(headings) if place <= start]
    assert bool(numbers) == bool(begun)
    assert numbers == sorted(numbers)
    levels = [drawn[n][0] for n in numbers]
    assert levels == sorted(set(levels))
    between = text[start : headings[numbers[-1]][0]] if numbers else ""
    assert "Some text" not in between
