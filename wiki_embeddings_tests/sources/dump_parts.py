"""A small export with a page of every kind, and how its parts are planned and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources import dump
from wiki_embeddings.sources.dump import DumpPart, open_part
from wiki_embeddings.sources.protocol import ArticleSelection, SourcePlan
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.exports import ExportPage, export_folder

PAGES = [
    ExportPage(2, "Cat", "A '''cat''' purrs.", revision_id=77, timestamp="2026-10-30T08:09:10Z"),
    ExportPage(3, "Talk:Cat", "Purr?", namespace=1),
    ExportPage(5, "Cats", "#REDIRECT [[Cat]]", redirect="Cat"),
    ExportPage(6, "Kitten", "#redirect [[Cat]]"),
    ExportPage(8, "Dog", "A [[dog]] & its <!-- no --> bone."),
    ExportPage(9, "Template:Dog", "{{{1}}}", namespace=10),
    ExportPage(10, "Module", "return 1", model="Scribunto"),
    ExportPage(12, "Secret", None),
    ExportPage(14, "Empty", ""),
    ExportPage(20, "Émeu", "An ''emu'' runs."),
]
"""Four articles, and pages that are none."""


def folder_of(site: DumpsSite, date: str = "20261101") -> Path:
    return export_folder(site.root, "xxwiki", date)


def plan(**selected: Any) -> SourcePlan[DumpPart]:
    return dump.plan(ArticleSelection("xx", **selected))


def read(part: DumpPart, scratch: Path) -> tuple[pa.Table, dict[str, int]]:
    units: list[int] = []
    opened = open_part(part, scratch, units.append)
    table = pa.Table.from_batches(opened.batches, schema=RAW_SCHEMA)
    assert sum(units) == part.units
    return table, dict(opened.statistics())
