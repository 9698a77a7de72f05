"""How much there is to do, against the chunker itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pyarrow as pa
import pytest

from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.estimate import RunOptions, predict
from wiki_embeddings.estimate.editions import EDITIONS, find_edition
from wiki_embeddings.estimate.workload import count_workload
from wiki_embeddings.sources import sample
from wiki_embeddings.stages.article_chunker import load_chunker

ENGLISH = RunOptions(gpu="A10", containers=50)


@cache
def sample_articles() -> pa.Table:
    parts = sample.plan(1.0).parts
    batches = [batch for part in parts for batch in sample.open_part(part, lambda _: None).batches]
    return pa.Table.from_batches(batches)


def split_articles(characters: int) -> pa.Table:
    """The sample's articles, split at the first paragraph's end after so many characters."""
    rows = []
    for article in sample_articles().to_pylist():
        text = ""
        for line in article["text"].splitlines(keepends=True):
            text += line
            if len(text) >= characters:
                rows.append({**article, "text": text})
                text = ""
        rows.append({**article, "text": text})
    return pa.Table.from_pylist(rows, schema=sample_articles().schema)


@pytest.mark.parametrize(
    ("characters", "token_budget", "title_prefix"),
    [(2500, 128, True), (2500, 256, False), (10**9, 128, False), (10**9, 256, True)],
)
def test_the_rule_for_chunks_agrees_with_the_chunker(characters, token_budget, title_prefix):
    articles = split_articles(characters) if characters < 10**9 else sample_articles()
    chunks = load_chunker(DEFAULT_MODEL, None, token_budget, title_prefix).chunk(articles)
    work = count_workload(
        find_edition("sample", None, articles.num_rows),
        RunOptions(wiki="sample", token_budget=token_budget, title_prefix=title_prefix),
    )
    assert work.chunks == pytest.approx(chunks.num_rows, rel=0.05)
    assert work.stored_tokens == pytest.approx(len(chunks.column("tokens").flatten()), rel=0.01)


def test_every_edition_names_the_source_of_its_size():
    for edition in EDITIONS.values():
        assert edition.articles.source
        assert edition.characters.source
        assert 100 < edition.characters.value / edition.articles.value < 30_000
        assert 1 <= edition.bytes_per_character < 4


def test_a_dry_run_fetches_one_whole_file_and_keeps_a_little_of_it():
    whole = predict(ENGLISH)
    dry = predict(replace(ENGLISH, fraction=0.001))
    assert dry.workload.parts == 1
    assert dry.workload.file_bytes == whole.workload.file_bytes
    assert dry.workload.chunks == pytest.approx(whole.workload.chunks / 1000, rel=0.01)
    assert dry.assets[0].containers == 1


def test_a_given_size_replaces_that_of_the_table():
    unknown = predict(RunOptions(wiki="klingon", characters=2e6, articles=500))
    assert unknown.workload.characters == 2e6
    assert unknown.figures[0].basis == unknown.figures[1].basis == "given"
    doubled = predict(replace(ENGLISH, characters=2 * 19_560_538_957))
    assert doubled.workload.chunks > 1.8 * predict(ENGLISH).workload.chunks
