from __future__ import annotations

from typing import Any

import pytest

from wiki_embeddings.certificate import (
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
    write_certificate,
)
from wiki_embeddings.checks import articles_complete
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.stages.certify import certify
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.raw_outputs import write_raw
from wiki_embeddings_tests.support.wiki_api import wiki_api

CONTACT = "ada@example.org"
PAGES = {"pages": 7, "pages_in_namespace_0": 5, "pages_in_namespace_14": 2}
LEFT_OUT = {"left_out_redirect": 2, "left_out_other_namespace": 2}


def certified(volume: Volume, raw: Manifest, **options: Any) -> Certificate:
    defaults: dict[str, Any] = {
        "earlier": NotCompared("there is no earlier snapshot"),
        "required_titles": None,
        "max_missing_share": 0.01,
        "contact": None,
    }
    return certify(volume, raw.folder, **{**defaults, **options})


def titles(ids: range) -> dict[int, str]:
    return {page: f"Page {page}" for page in ids}


def test_the_pages_of_an_export_are_counted_by_namespace_and_reason(volume):
    raw = write_raw(volume, "20261101", [titles(range(1, 4))], stats={**PAGES, **LEFT_OUT})
    assert certified(volume, raw).pages == Pages(
        7, {"0": 5, "14": 2}, {"redirect": 2, "other_namespace": 2}
    )


def test_a_source_that_knows_only_articles_says_so(volume):
    raw = write_raw(volume, "20231101", [titles(range(1, 4))])
    certificate = certified(volume, raw, contact=CONTACT)
    assert certificate.pages == NotCompared("the source tells only the articles")
    assert certificate.wiki_count == NotCompared(
        "the snapshot is too old for the wiki's count of today"
    )


def test_articles_of_the_snapshot_before_that_are_gone_are_counted(volume):
    before = write_raw(volume, "20261001", [titles(range(1, 101))])
    raw = write_raw(volume, "20261101", [titles(range(3, 50)), titles(range(50, 120))])
    certificate = certified(volume, raw, earlier=before.folder)
    assert certificate.earlier == EarlierSnapshot("20261001", 100, 2, ("Page 1", "Page 2"))
    assert not articles_complete(raw, certificate).passed
    tolerant = certified(volume, raw, earlier=before.folder, max_missing_share=0.02)
    assert articles_complete(raw, tolerant).passed


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_an_earlier_snapshot_that_is_damaged_is_not_compared(volume, damage):
    before = write_raw(volume, "20261001", [titles(range(1, 101))])
    raw = write_raw(volume, "20261101", [titles(range(3, 50))])
    damage(volume.path(before.reference(before.files[0])))
    earlier = certified(volume, raw, earlier=before.folder).earlier
    assert isinstance(earlier, NotCompared)
    assert "the files of 20261001 cannot be read" in earlier.reason


def export(volume: Volume, articles: int, url: str) -> Manifest:
    """The articles of an export that has nothing else."""
    stats = {"pages": articles, "pages_in_namespace_0": articles}
    return write_raw(volume, "20261101", [titles(range(1, articles + 1))], url=url, stats=stats)


@pytest.mark.parametrize(
    ("counted", "max_missing_share", "passes"),
    [(100, 0.01, True), (210, 0.01, True), (211, 0.01, False), (300, 0.4, True), (90, 0.0, True)],
)
def test_a_snapshot_needs_nearly_as_many_articles_as_the_wiki_counts(
    volume, counted, max_missing_share, passes
):
    with wiki_api(counted) as wiki:
        raw = export(volume, 200, wiki.article_url)
        certificate = certified(volume, raw, contact=CONTACT, max_missing_share=max_missing_share)
    (agent,) = wiki.asked
    assert agent.startswith("wiki-embeddings/")
    assert CONTACT in agent
    result = articles_complete(raw, certificate)
    assert result.passed == passes
    assert (result.metadata["articles"], result.metadata["wiki_count"]) == (200, counted)


def test_a_wiki_that_is_not_reached_fails_nothing(volume):
    with wiki_api(200) as wiki:
        url = wiki.article_url
    raw = export(volume, 20, url)
    certificate = certified(volume, raw, contact=CONTACT)
    assert articles_complete(raw, certificate).passed
    assert isinstance(certificate.wiki_count, NotCompared)
    assert certificate.wiki_count.reason.startswith("not reached: http://127.0.0.1:")


def test_a_wiki_is_asked_once_for_a_snapshot_and_never_without_a_name(volume):
    with wiki_api(20) as wiki:
        raw = export(volume, 20, wiki.article_url)
        assert isinstance(certified(volume, raw).wiki_count, NotCompared)
        assert wiki.asked == []
        first = certified(volume, raw, contact=CONTACT)
        write_certificate(volume, raw.folder, first)
        wiki.articles = 1_000
        assert certified(volume, raw, contact=CONTACT) == first
        assert len(wiki.asked) == 1


def test_the_sample_has_106_articles_and_asks_nobody(volume):
    raw = write_raw(volume, "20160501", [titles(range(106))], wiki="sample")
    certificate = certified(volume, raw, contact=CONTACT)
    assert certificate.wiki_count == WikiCount(106, "the bundled dump", at_least=106)
    assert articles_complete(raw, certificate).passed
    fewer = write_raw(volume, "20160501", [titles(range(105))], wiki="sample")
    assert not articles_complete(fewer, certified(volume, fewer, max_missing_share=0.5)).passed


def test_required_titles_are_looked_for(volume):
    raw = write_raw(volume, "20261101", [titles(range(1, 20))])
    wanted = ["page_7", *(f"Page {page}" for page in range(15, 40))]
    volume.write_bytes("titles", "\n".join(wanted).encode())
    required = certified(volume, raw, required_titles="titles").required
    assert required == RequiredTitles(26, 20, tuple(f"Page {page}" for page in range(20, 30)))


def test_a_dry_run_is_compared_with_nothing_but_its_export(volume):
    before = write_raw(volume, "20261001", [titles(range(1, 101))])
    stats = {**PAGES, **LEFT_OUT}
    raw = write_raw(volume, "20261101", [titles(range(1, 4))], fraction=0.5, stats=stats)
    certificate = certified(volume, raw, earlier=before.folder, contact=CONTACT)
    reason = NotCompared("a dry run has only a share of the articles")
    assert (certificate.earlier, certificate.wiki_count, certificate.required) == (reason,) * 3
    assert articles_complete(raw, certificate).passed
