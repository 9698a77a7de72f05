from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from wiki_embeddings.chunking.boundaries import Level, find_boundaries
from wiki_embeddings_tests.chunking.strategies import articles


def pieces(text: str) -> list[str]:
    """Split a text at all its boundaries."""
    edges = [0, *(boundary.position for boundary in find_boundaries(text)), len(text)]
    return [text[begin:end] for begin, end in pairwise(edges)]


def levels(text: str) -> list[Level]:
    return [boundary.level for boundary in find_boundaries(text)]


@given(articles)
def test_boundaries_lie_inside_the_text_in_ascending_order(text: str):
    positions = [boundary.position for boundary in find_boundaries(text)]
    assert positions == sorted(set(positions))
    assert all(0 < position < len(text) for position in positions)


@pytest.mark.parametrize(
    "text",
    [
        "It rained. |We left.",
        "It rained!  |We left.",
        "Did it rain? |“We left,” he said.",
        'He said: "It rained." |She left.',
        "It rained (a lot.) |We left.",
        "It rained in 1945. |The war was over.",
        "It rained... |We left.",
        "It rained?! |We left.",
        "It rained.\u00a0|1945 was dry.",
        "Шёл дождь. |Мы ушли.",
        "下雨了。|我们走了！|真的？|是。",
        "「下雨了。」|他说。",
        "هل أمطرت؟ |نعم. |غادرنا.",
        "बारिश हुई। |हम चले गए।",
        "下雨了……我们走了。",
    ],
)
def test_a_sentence_begins_at_each_bar(text: str):
    assert pieces(text.replace("|", "")) == text.split("|")


@pytest.mark.parametrize(
    "text",
    [
        "It rained, e.g. in Paris.",
        "Dr. Smith met Prof. Jones in St. Paul on Jan. 5, at No. 7.",
        "J. R. R. Tolkien and C. S. Lewis.",
        "The U.S. Navy.",
        "See Smith et al. 1999, vol. 3, pp. 5 and Fig. 7.",
        "Born c. 1900 or ca. 1901.",
        "It costs 3.50 or 4,000.75 euros.",
        "He asked “Why?” and left.",
        "Yahoo! is a company.",
        "example.com/a.B?c=D",
        "1. First item",
    ],
)
def test_abbreviations_numbers_and_names_end_no_sentence(text: str):
    assert pieces(text) == [text]


def test_paragraphs_lines_and_sentences_are_distinguished():
    text = "One. Two.\nthree\n\nFour is here.\r\nFive.\r\n \r\nSix.\u2028Seven.\u2029Eight."
    assert levels(text) == [
        Level.SENTENCE,
        Level.LINE,
        Level.PARAGRAPH,
        Level.LINE,
        Level.PARAGRAPH,
        Level.LINE,
        Level.PARAGRAPH,
    ]


@pytest.mark.parametrize("gap", ["\n\n", "\n", " \n \n", "\r\n\r\n"])
def test_a_section_begins_before_its_heading_and_not_after_it(gap: str):
    text = f"It ended.\n\nEarly history{gap}It began."
    assert levels(text) == [Level.SECTION, Level.HEADING]


def test_headings_of_subsections_stay_with_those_above_them():
    text = "It ended.\n\nHistory\n\nEarly history\n\nPrehistory\n\nIt began."
    assert levels(text) == [Level.SECTION, Level.HEADING, Level.HEADING, Level.HEADING]


def test_an_article_may_begin_with_a_heading():
    assert levels("History\n\nIt began.") == [Level.HEADING]


def test_more_than_three_headings_in_a_row_are_a_list():
    text = "It ended.\n\nOne\n\nTwo\n\nThree\n\nFour\n\nFive\n\nSix."
    assert levels(text)[-2:] == [Level.PARAGRAPH, Level.PARAGRAPH]


@pytest.mark.parametrize(
    "line",
    [
        "It went on.",
        "the end of it",
        "Items:",
        " Indented item",
        "- Item",
        "A line so long that nobody would take it for a heading, although it has no full stop",
    ],
)
def test_a_line_is_not_a_heading_if_it_looks_like(line: str):
    assert levels(f"It ended.\n\n{line}\n\nIt began.") == [Level.PARAGRAPH, Level.PARAGRAPH]


def test_the_last_line_is_not_a_heading():
    assert levels("It ended.\n\nExternal links") == [Level.PARAGRAPH]
    assert levels("It ended.\n\nExternal links\n") == [Level.PARAGRAPH]
