from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest

from wiki_embeddings.sources import dump, hub, registry, sample
from wiki_embeddings.sources.protocol import (
    SOURCE_ARTICLES,
    ArticleSelection,
    OpenedPart,
    Source,
    SourcePlan,
)
from wiki_embeddings.stages import fetch
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.raw_articles import raw_articles


@pytest.mark.parametrize(
    ("wiki", "name", "source"),
    [
        ("sample", "auto", sample.SOURCE),
        ("en", "auto", dump.SOURCE),
        ("zh-min-nan", "dump", dump.SOURCE),
        ("en", "hub", hub.SOURCE),
    ],
)
def test_the_sample_comes_from_its_file_and_any_other_wiki_from_the_source_named(
    wiki, name, source
):
    assert registry.source_for(ArticleSelection(wiki, name)) is source


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (sample.SamplePart(0, 0, 5, 1.0), sample.SOURCE),
        (hub.HubPart(0, "a/b", hub.REVISION, "a.parquet", 1, "", None, 1.0), hub.SOURCE),
        (dump.DumpPart(0, "a.xml.bz2", 1, "00", 1, 1, ("http://a",), "me", 1.0), dump.SOURCE),
    ],
)
def test_a_part_goes_back_to_the_source_that_planned_it(part, source):
    assert registry.source_for_part(part) is source


@dataclass(frozen=True)
class OneArticle:
    units: int = 1


def open_one_article(part, _scratch, progress):
    progress(part.units)
    return OpenedPart(iter([raw_articles([7], ["Cat"], ["Purr."])]), lambda: {SOURCE_ARTICLES: 1})


def test_a_new_source_needs_only_a_row(tmp_path, monkeypatch: pytest.MonkeyPatch):
    discarded = []
    new = Source(
        serves=lambda selection: selection.wiki == "xx",
        plan=lambda _selection: SourcePlan("20261101", {}, (OneArticle(),)),
        part_type=OneArticle,
        open_part=open_one_article,
        discard=lambda part, _scratch: discarded.append(part),
        unit="pages",
        bound_by="machine",
    )
    monkeypatch.setattr(registry, "SOURCES", (new, *registry.SOURCES))

    plan = fetch.plan(ArticleSelection("xx"), articles_per_shard=1)
    fetch.fetch_part(plan.specs[0], Volume(tmp_path), lambda _units: None)

    assert (plan.unit, plan.bound_by) == ("pages", "machine")
    assert pq.read_table(tmp_path / plan.folder / "part-00000.parquet")["title"].to_pylist() == [
        "Cat"
    ]
    assert discarded == [OneArticle()]


def test_choosing_a_source_imports_no_heavy_library():
    code = """
import sys
from wiki_embeddings.sources import registry
from wiki_embeddings.sources.protocol import ArticleSelection
registry.source_for(ArticleSelection("en"))
heavy = {"numpy", "pyarrow", "mwparserfromhell", "huggingface_hub", "httpx2", "rapidgzip"}
print(sys.modules.keys() & heavy)
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout

    assert output == b"set()\n"
