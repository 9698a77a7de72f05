"""Pages of many editions, as data: what must stand in their text, and what must not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from wiki_embeddings.sources.wikitext.conversion import plain_text

FOLDER = Path(__file__).with_name("pages")


PAGES: list[dict[str, Any]] = [
    page | {"kind": path.stem}
    for path in sorted(FOLDER.glob("*.toml"))
    for page in tomllib.loads(path.read_text())["page"]
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page['kind']}: {page['name']}")
def test_a_page_reads_as_on_the_wiki(page):
    text = plain_text(page["wikitext"], language=page["language"], title=page["name"])

    assert text == page.get("text", text)
    assert [piece for piece in page.get("must", []) if piece not in text] == []
    assert [piece for piece in page.get("must_not", []) if piece in text] == []


def test_the_pages_are_of_many_languages_and_each_expects_something():
    assert len(PAGES) >= 80
    assert len({page["language"] for page in PAGES}) >= 10
    assert all(page.get("text") is not None or page.get("must") for page in PAGES)
