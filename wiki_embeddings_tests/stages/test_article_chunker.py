from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.stages.article_chunker import batches, load_chunker
from wiki_embeddings_tests.support.raw_articles import raw_articles

LONG_TITLE = "A list of everything that was ever said about snow " * 12
WORDS = "Fresh snow reflects most of the sunlight that falls on it. "


def articles(*titles_and_texts: tuple[str, str]) -> pa.Table:
    titles = [title for title, _ in titles_and_texts]
    texts = [text for _, text in titles_and_texts]
    return pa.Table.from_batches([raw_articles(range(len(titles)), titles, texts)])


def rows(table: pa.Table, model: str, token_budget: int = 256, title_prefix: bool = True):
    return load_chunker(model, None, token_budget, title_prefix).chunk(table).to_pylist()


def test_a_title_that_the_budget_shortens_changes_the_hash(tiny_model):
    table = articles((LONG_TITLE, "Snow."))
    (narrow,), (wide,) = rows(table, str(tiny_model), 128), rows(table, str(tiny_model), 256)
    assert (narrow["title"], narrow["text"]) == (wide["title"], wide["text"])
    assert narrow["tokens"] != wide["tokens"]
    assert narrow["hash"] != wide["hash"]


@settings(max_examples=20)
@given(st.lists(st.tuples(st.integers(2, 4), st.integers(0, 40)), max_size=6))
def test_sections_change_nothing_but_their_column(tiny_model, drawn):
    text, headings = "Lead.\n\n", []
    for level, times in drawn:
        headings.append({"start": len(text), "level": level})
        text += f"Heading\n\n{WORDS * times}\n\n"
    names, texts = ["Snow", "Ice"], [text, text]
    table = articles(*zip(names, texts, strict=True))
    known = pa.Table.from_batches([raw_articles([0, 1], names, texts, [headings, None])])

    without, chunks = rows(table, str(tiny_model), 128), rows(known, str(tiny_model), 128)
    assert [{**row, "section": ""} for row in chunks] == without
    assert not any(row["section"] for row in chunks if row["title"] == "Ice")
    assert all(
        row["section"] or row["start"] < headings[0]["start"]
        for row in chunks
        if row["title"] == "Snow" and headings
    )


def test_a_budget_that_changes_no_token_changes_no_hash(tiny_model):
    table = articles(("Snow", "Snow is white."))
    (narrow,), (wide,) = rows(table, str(tiny_model), 128), rows(table, str(tiny_model), 256)
    assert narrow["tokens"] == wide["tokens"]
    assert narrow["hash"] == wide["hash"]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "Snow", "snow", LONG_TITLE]), st.integers(0, 60)),
        min_size=1,
        max_size=8,
    )
)
def test_hashes_are_equal_where_the_token_ids_are_equal_and_only_there(tiny_model, drawn):
    table = articles(*((title, WORDS * times) for title, times in drawn))
    chunks = [row for budget in (128, 256) for row in rows(table, str(tiny_model), budget)]
    seen = {tuple(chunk["tokens"]): chunk["hash"] for chunk in chunks}
    assert all(chunk["hash"] == seen[tuple(chunk["tokens"])] for chunk in chunks)
    assert len(set(seen.values())) == len(seen)


def test_the_hash_does_not_depend_on_the_batch(tiny_model):
    table = articles(*((f"Article {n}", WORDS * (7 * n % 50)) for n in range(20)))
    whole = rows(table, str(tiny_model))
    one_by_one = [
        row for batch in batches(table, text_bytes=1) for row in rows(batch, str(tiny_model))
    ]
    assert whole == one_by_one


@pytest.mark.parametrize(
    "change",
    [
        {"revision": "sha256:" + "0" * 64},
        {"weights_sha256": "0" * 64},
        {"tokenizer_sha256": "0" * 64},
        {"pooling": "cls"},
        {"passage_prefix": "passage: "},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_encoder_gives_other_hashes(tiny_model, change):
    table = articles(("Snow", "Snow is white."))
    ours = load_chunker(str(tiny_model), None, 256, False)
    other = dataclasses.replace(ours, model=dataclasses.replace(ours.model, **change))
    (one,), (two,) = ours.chunk(table).to_pylist(), other.chunk(table).to_pylist()
    assert one["tokens"] == two["tokens"]
    assert one["hash"] != two["hash"]


def test_another_name_gives_other_hashes_only_on_the_hub(tiny_model):
    table = articles(("Snow", "Snow is white."))
    ours = load_chunker(str(tiny_model), None, 256, False)

    def hash_as(**changes: Any) -> str:
        model = dataclasses.replace(ours.model, **changes)
        (chunk,) = dataclasses.replace(ours, model=model).chunk(table).to_pylist()
        return str(chunk["hash"])

    assert hash_as(name="/moved/model") == hash_as()
    on_hub = {hash_as(name=name, revision="0" * 40) for name in ("a/model", "b/model")}
    assert len(on_hub) == 2
