from __future__ import annotations

from wiki_embeddings.card.completeness import completeness_table
from wiki_embeddings.certificate import (
    Certificate,
    EarlierSnapshot,
    NotCompared,
    Pages,
    RequiredTitles,
    WikiCount,
)


def test_the_table_shows_every_comparison():
    certificate = Certificate(
        digest="",
        snapshot="20261101",
        articles=1_000,
        max_missing_share=0.01,
        pages=Pages(1_800, {"14": 300, "0": 1_500}, {"redirect": 500, "other_namespace": 300}),
        earlier=EarlierSnapshot("20261001", 990, 2, ("C*-algebra", "Foo | [bar]_")),
        wiki_count=WikiCount(1_050, "the wiki itself", 998),
        required=RequiredTitles(100, 1, ("Vital `article`",)),
    )
    assert completeness_table(certificate).splitlines() == [
        "| What | Result |",
        "| --- | --- |",
        "| Articles | 1,000 |",
        "| Pages of the export | 1,800 |",
        "| … by namespace | namespace 0: 1,500; 14: 300 |",
        "| … left out | redirect: 500; other namespace: 300 |",
        "| Gone since 20261001 | 2 of 990 articles |",
        r"| … among them | C\*-algebra; Foo \| \[bar\]\_ |",
        "| Articles counted by the wiki itself | 1,050 |",
        "| Required articles that are missing | 1 of 100 |",
        r"| … among them | Vital \`article\` |",
    ]


def test_an_export_without_pages_lists_none():
    nothing = NotCompared("because")
    empty = Certificate("", "20261101", 0, 0.01, Pages(0, {}, {}), nothing, nothing, nothing)
    rows = completeness_table(empty).splitlines()
    assert rows[4:6] == ["| … by namespace | none |", "| … left out | none |"]


def test_the_table_says_what_was_not_compared_and_why():
    nothing = NotCompared("because")
    certificate = Certificate("", "20231101", 3, 0.01, nothing, nothing, nothing, nothing)
    assert completeness_table(certificate).splitlines()[2:] == [
        "| Articles | 3 |",
        "| Pages of the export | not known: because |",
        "| Gone since an earlier snapshot | not compared: because |",
        "| Articles counted by the wiki itself | not compared: because |",
    ]
