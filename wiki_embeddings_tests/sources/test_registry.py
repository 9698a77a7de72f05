from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pyarrow.parquet as pq
import pytest

from wiki_embeddings.sources import hub, registry, sample
from wiki_embeddings.sources.protocol import OpenedPart, Source, SourcePlan
from wiki_embeddings.stages import fetch
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.raw_articles import raw_articles


@pytest.mark.parametrize(
    ("wiki", "source"), [("sample", sample.SOURCE), ("en", hub.SOURCE), ("zh-min-nan", hub.SOURCE)]
)
def test_the_sample_comes_from_its_dump_and_any_other_wiki_from_the_hub(wiki, source):
    assert registry.source_for_wiki(wiki, "20231101") is source


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (sample.SamplePart(0, 0, 5, 1.0), sample.SOURCE),
        (hub.HubPart(0, hub.REPO_ID, hub.REVISION, "a.parquet", 1, "", None, 1.0), hub.SOURCE),
    ],
)
def test_a_part_goes_back_to_the_source_that_planned_it(part, source):
    assert registry.source_for_part(part) is source


@dataclass(frozen=True)
class OneArticle:
    units: int = 1


def open_one_article(part, _scratch, progress):
    progress(part.units)
    return OpenedPart(1, iter([raw_articles([7], ["Cat"], ["Purr."])]))


def test_a_new_source_needs_only_a_row(tmp_path, monkeypatch: pytest.MonkeyPatch):
    discarded = []
    new = Source(
        serves=lambda wiki, snapshot: (wiki, snapshot) == ("xx", "20261101"),
        plan=lambda _wiki, snapshot, _fraction: SourcePlan(snapshot, {}, (OneArticle(),)),
        part_type=OneArticle,
        open_part=open_one_article,
        discard=lambda part, _scratch: discarded.append(part),
        unit="pages",
        bound_by="machine",
    )
    monkeypatch.setattr(registry, "SOURCES", (new, *registry.SOURCES))

    plan = fetch.plan("xx", snapshot="20261101", fraction=1.0, articles_per_shard=1)
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
registry.source_for_wiki("en", "20231101")
print(sys.modules.keys() & {"numpy", "pyarrow", "mwparserfromhell", "huggingface_hub", "httpx2"})
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout

    assert output == b"set()\n"
