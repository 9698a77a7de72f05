"""Pages of many editions, as data: what must stand in their text, and what must not."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.sources.wikitext.conversion import convert

FOLDER = Path(__file__).with_name("pages")


PAGES: list[dict[str, Any]] = [
    page | {"kind": path.stem}
    for path in sorted(FOLDER.glob("*.toml"))
    for page in tomllib.loads(path.read_text())["page"]
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page['kind']}: {page['name']}")
def test_a_page_reads_as_on_the_wiki(page):
    text = convert(page["wikitext"], language=page["language"], title=page["name"]).text

    assert text == page.get("text", text)
    assert [
        pieces
        for pieces in page.get("must", [])  # each a piece, or several of which one will do
        if not any(piece in text for piece in ([pieces] if isinstance(pieces, str) else pieces))
    ] == []
    assert [piece for piece in page.get("must_not", []) if piece in text] == []


def test_the_pages_are_of_many_languages_and_each_expects_something():
    assert len(PAGES) >= 200
    assert len({page["language"] for page in PAGES}) >= 10
    assert all(page.get("text") is not None or page.get("must") for page in PAGES)


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_page_is_converted_and_always_in_the_same_way(data):
    """Cut, doubled and swapped pieces of real markup never fail, and leave no markers."""
    page = data.draw(st.sampled_from(PAGES))
    wikitext = page["wikitext"]
    for _ in range(data.draw(st.integers(1, 4))):
        start, end = sorted(data.draw(st.integers(0, len(wikitext))) for _ in range(2))
        piece = data.draw(
            st.sampled_from(["", wikitext[start:end] * 2, "{{", "}}", "|", "[[", "-{", "<", "\n"])
        )
        wikitext = wikitext[:start] + piece + wikitext[end:]

    text = convert(wikitext, language=page["language"]).text

    assert text == convert(wikitext, language=page["language"]).text
    assert not re.search("[\ufdd0-\ufdef\U000f0000-\U000fffff]|\n\n\n", text)
