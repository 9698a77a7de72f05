from __future__ import annotations

import math
from typing import Any

import pytest

from wiki_embeddings import checks
from wiki_embeddings.certificate import (
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
)
from wiki_embeddings.manifest import Manifest, Settings, ShardFile

SETTINGS: Settings = {
    "chunks": {"token_budget": 256},
    "embeddings": {"dimensions": 384},
}
VALID: dict[str, Any] = {
    "not_finite": 0,
    "min_norm": 0.9999,
    "max_norm": 1.0001,
    "min_dimensions": 384,
    "max_dimensions": 384,
    "alike_files": 0,
}


def manifest(*files: ShardFile) -> Manifest:
    return Manifest("toy", "raw", "toy/raw/0123", None, SETTINGS, files)


def shard(rows: int = 3, ids: tuple[int, int] = (1, 9), **stats: Any) -> ShardFile:
    return ShardFile(f"part-{ids[0]}.parquet", rows, 1, "", *ids, 1, stats)


def test_articles_are_complete_when_there_are_as_many_as_the_source_has():
    assert checks.every_article_fetched(manifest(shard(3, source_articles=3))).passed
    assert not checks.every_article_fetched(manifest(shard(3, source_articles=4))).passed
    assert not checks.every_article_fetched(manifest(shard(0, source_articles=0))).passed


def certificate(raw: Manifest, **parts: Any) -> Certificate:
    """A certificate of 1,000 articles of which nothing is missing."""
    defaults: dict[str, Any] = {
        "pages": Pages(1_500, {"0": 1_200, "14": 300}, {"redirect": 200, "other_namespace": 300}),
        "earlier": EarlierSnapshot("20261001", 990, 9, ("Bombay",)),
        "wiki_count": WikiCount(1_050, "the wiki itself", 998),
        "required": RequiredTitles(2, 0, ()),
    }
    return Certificate(raw.digest, "20261101", 1_000, 0.01, **{**defaults, **parts})


def test_articles_are_complete_when_all_that_is_known_agrees():
    raw = manifest(shard(1_000))
    result = checks.articles_complete(raw, certificate(raw))
    assert result.passed
    assert result.metadata == {
        "articles": 1_000,
        "pages": 1_500,
        "articles_and_left_out": 1_500,
        "pages_in_namespaces": 1_500,
        "gone": 9,
        "articles_of_20261001": 990,
        "gone_titles": ["Bombay"],
        "wiki_count": 1_050,
        "wiki_count_from": "the wiki itself",
        "required_titles": 2,
        "missing_titles": 0,
        "missing_examples": [],
    }


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"pages": Pages(1_501, {"0": 1_501}, {"redirect": 500})}, "The pages do not add up"),
        ({"pages": Pages(1_500, {"0": 1_499}, {"redirect": 500})}, "The pages do not add up"),
        (
            {"earlier": EarlierSnapshot("20261001", 990, 10, ("Bombay", "Pune"))},
            "10 of the 990 articles of 20261001 are gone, more than the 1.00% that may be, "
            "'Bombay', 'Pune' among them",
        ),
        (
            {"wiki_count": WikiCount(1_100, "the wiki itself", 1_045)},
            "the wiki itself counts 1,100",
        ),
        (
            {"required": RequiredTitles(2, 1, ("Teh Beatles",))},
            "1 of the 2 required titles has no article: 'Teh Beatles'. A redirect",
        ),
        (
            {"required": RequiredTitles(9, 7, ("Teh Beatles", "Pnue"))},
            "7 of the 9 required titles have no article, 'Teh Beatles', 'Pnue' among them.",
        ),
        (
            {"earlier": EarlierSnapshot("20261001", 50, 1, ("Bombay",))},
            "1 of the 50 articles of 20261001 is gone, more than the 1.00% that may be: 'Bombay'.",
        ),
    ],
)
def test_whatever_disagrees_fails_the_articles(part, why):
    raw = manifest(shard(1_000))
    result = checks.articles_complete(raw, certificate(raw, **part))
    assert not result.passed
    assert why in result.description


def test_what_was_not_compared_fails_nothing_and_is_told():
    raw = manifest(shard(1_000))
    parts = dict.fromkeys(("pages", "earlier", "wiki_count", "required"), NotCompared("a reason"))
    result = checks.articles_complete(raw, certificate(raw, **parts))
    assert result.passed
    assert result.metadata == {
        "articles": 1_000,
        "pages": "not known: a reason",
        "gone": "not compared: a reason",
        "wiki_count": "not compared: a reason",
        "required_titles": "not compared: a reason",
    }


def test_articles_without_a_certificate_of_their_own_fail():
    raw, other = manifest(shard(1_000)), manifest(shard(1_001))
    for found in (None, certificate(other)):
        result = checks.articles_complete(raw, found)
        assert not result.passed
        assert "Materialize raw_wikipedia again" in result.description


def test_a_lost_article_or_character_fails_the_chunks():
    raw = manifest(shard(3, characters=100, text_checksum=7))
    assert checks.every_article_chunked(
        raw, manifest(shard(8, articles=3, characters=100, text_checksum=7))
    ).passed
    lost_article = checks.every_article_chunked(
        raw, manifest(shard(8, articles=2, characters=100, text_checksum=7))
    )
    assert not lost_article.passed
    assert lost_article.metadata["articles"] == 3
    assert lost_article.metadata["articles_in_chunks"] == 2
    assert not checks.every_article_chunked(
        raw, manifest(shard(8, articles=3, characters=99, text_checksum=7))
    ).passed
    altered = shard(8, articles=3, characters=100, text_checksum=1)
    assert not checks.every_article_chunked(raw, manifest(altered)).passed


@pytest.mark.parametrize(
    ("compare", "checksum"),
    [(checks.every_chunk_embedded, "chunk_checksum"), (checks.every_row_published, "row_checksum")],
)
def test_a_lost_or_exchanged_row_fails(compare, checksum):
    same: dict[str, Any] = {checksum: 1234}
    other: dict[str, Any] = {checksum: 1235}
    before = manifest(shard(8, **same))
    assert compare(before, manifest(shard(8, **same))).passed
    assert not compare(before, manifest(shard(7, **same))).passed
    assert not compare(before, manifest(shard(8, **other))).passed


def test_a_missing_statistic_fails_the_check():
    with pytest.raises(KeyError, match="chunk_checksum"):
        checks.every_chunk_embedded(manifest(shard(8)), manifest(shard(8)))


def test_files_that_share_a_range_of_ids_are_found():
    apart = manifest(shard(ids=(1, 9)), shard(ids=(10, 12)), shard(rows=0, ids=(-1, -1)))
    assert checks.overlapping_files(apart) == set()
    nested = manifest(shard(ids=(1, 99)), shard(ids=(10, 12)), shard(ids=(120, 130)))
    assert checks.overlapping_files(nested) == {
        "toy/raw/0123/part-1.parquet",
        "toy/raw/0123/part-10.parquet",
    }
    assert checks.no_duplicate_ids(nested, duplicates=0).passed
    assert not checks.no_duplicate_ids(nested, duplicates=1).passed


def test_a_chunk_over_the_budget_fails():
    assert checks.chunks_fit_token_budget(manifest(shard(max_tokens_with_specials=256))).passed
    assert not checks.chunks_fit_token_budget(manifest(shard(max_tokens_with_specials=257))).passed


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"not_finite": 1}, "not finite"),
        ({"min_norm": 0.98}, "unit length"),
        ({"max_norm": 1.02}, "unit length"),
        ({"max_norm": math.nan}, "unit length"),
        ({"min_dimensions": 383}, "wrong number of dimensions"),
        ({"alike_files": 1}, "different texts have the same vector"),
    ],
)
def test_invalid_vectors_fail_with_the_reason(fault, why):
    assert checks.vectors_valid(manifest(shard(**VALID))).passed
    result = checks.vectors_valid(manifest(shard(**{**VALID, **fault})))
    assert not result.passed
    assert why in result.description


def test_an_output_without_vectors_fails_the_check():
    assert "there are none" in checks.vectors_valid(manifest()).description
