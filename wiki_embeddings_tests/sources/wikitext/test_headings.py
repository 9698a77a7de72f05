from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.sources.wikitext.conversion import convert

PIECES = [
    "Some ''text''.",
    "* an item\n* another",
    "== History ==",
    "=== {{lang|fr|''Les'' &quot;années&quot;}} ===",
    "==  Both [[x|links]] and <nowiki>[marks]</nowiki>, 🙂 ==",
    "== {{nobody knows this}} ==",
    "==== Deep ====",
    " code\n  more code",
]


def headings(wikitext: str) -> list[tuple[int, str]]:
    converted = convert(wikitext)
    return [
        (heading.level, converted.text[heading.start :].split("\n")[0])
        for heading in converted.headings
    ]


@pytest.mark.parametrize(
    ("wikitext", "expected"),
    [
        ("No heading.", []),
        ("== A ==\ntext", [(2, "A")]),
        ("Lead.\n\n== A ==\n=== ''B'' &amp; C ===\ntext", [(2, "A"), (3, "B & C")]),
        ("== Empty ==\n\n== 中文🙂 ==\ntext", [(2, "中文🙂")]),
        ("== {{nobody knows this}} ==\ntext", []),
        ("History\n\ntext that nobody marked", []),
    ],
)
def test_headings_have_their_level_and_place_in_the_text(wikitext, expected):
    assert headings(wikitext) == expected


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_each_heading_is_a_paragraph_of_its_own(pieces):
    converted = convert("\n\n".join(pieces))
    paragraphs = {
        0,
        *(i + 2 for i in range(len(converted.text)) if converted.text[i:][:2] == "\n\n"),
    }
    starts = [heading.start for heading in converted.headings]
    assert starts == sorted(set(starts))
    assert paragraphs.issuperset(starts)
    titles = {"History", 'Les "années"', "Both links and [marks], 🙂", "Deep"}
    assert {title for _, title in headings("\n\n".join(pieces))} <= titles
