"""`raw_wikipedia` from Wikimedia's exports, as Dagster runs it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    complete,
    export_folder,
    served,
    write_export,
)

RAW = "raw_wikipedia"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    with served(monkeypatch, tmp_path / "site") as site:
        yield site


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dagster_runs.new_instance(tmp_path) as instance:
        yield instance


def materialize(
    instance: dg.DagsterInstance, tmp_path: Path, wiki: str, **config: Any
) -> dg.ExecuteInProcessResult:
    resources = dagster_runs.resources(tmp_path)
    return dagster_runs.materialize(instance, wiki, [RAW], {RAW: config}, resources)


def articles(instance: dg.DagsterInstance, tmp_path: Path, wiki: str) -> pa.Table:
    recorded = dagster_runs.recorded(instance, RAW, wiki)
    assert recorded is not None
    parts = sorted((tmp_path / "volume" / recorded.folder).glob("part-*.parquet"))
    return pa.concat_tables([pq.read_table(part) for part in parts]).combine_chunks()


def test_the_bundled_dump_as_an_export_gives_the_texts_of_the_sample(site, instance, tmp_path):
    folder = export_folder(site.root, "simplewiki", "20261101")
    folder.mkdir(parents=True)
    shutil.copy(bundled_dump(), folder / "simplewiki-2026-11-01-p10p30302.xml.bz2")
    complete(folder)

    exported = materialize(instance, tmp_path, "simple")
    bundled = materialize(instance, tmp_path, "sample")

    assert exported.success, dagster_runs.failures(exported)
    assert bundled.success, dagster_runs.failures(bundled)
    one, other = (articles(instance, tmp_path, wiki) for wiki in ("simple", "sample"))
    assert one.num_rows == 106
    assert one.to_pylist() == other.to_pylist()
    assert site.most_connections <= 3
    assert not list((tmp_path / "volume" / "simple" / "raw").glob("*.scratch/*.bz2"))


def test_the_manifest_counts_every_page_of_the_export(site, instance, tmp_path):
    pages = [
        *(ExportPage(n, f"River {n}", f"The river {n}.") for n in range(1, 31)),
        *(ExportPage(n, f"Talk:River {n}", "Nice.", namespace=1) for n in range(31, 36)),
        ExportPage(40, "Rivers", "#REDIRECT [[River 1]]", redirect="River 1"),
    ]
    write_export(site.root, "simplewiki", "20261101", pages, files=3)

    run = materialize(instance, tmp_path, "simple")

    assert run.success, dagster_runs.failures(run)
    settings = dagster_runs.metadata(run, RAW)["settings"]["raw"]
    assert settings["snapshot"] == "20261101"
    assert settings["source"] == "mediawiki_content_current"
    assert articles(instance, tmp_path, "simple").num_rows == 30


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("en", None), "Wikimedia exports no wiki enwiki"),
        (("simple", "20260101"), "no export of simple of 20260101"),
        (("simple", "20261201"), "20261201 is not complete"),
    ],
)
def test_what_the_site_does_not_have_fails_in_a_sentence(site, instance, tmp_path, asked, sentence):
    write_export(site.root, "simplewiki", "20261101", [ExportPage(1, "Cat", "A cat.")])
    (write_export(site.root, "simplewiki", "20261201", []) / "SHA256SUMS").unlink()

    wiki, snapshot = asked
    run = materialize(instance, tmp_path, wiki, snapshot=snapshot)
    message = dagster_runs.failures(run)[RAW]

    assert sentence in message
    assert "Traceback" not in message
    assert not site.requested(".bz2")


def test_an_export_without_articles_is_blocked(site, instance, tmp_path):
    write_export(site.root, "simplewiki", "20261101", [])

    run = materialize(instance, tmp_path, "simple")

    failed = [check for check in run.get_asset_check_evaluations() if not check.passed]
    assert [check.check_name for check in failed] == ["every_article_fetched"]
    assert failed[0].description == "There are no articles."


def test_a_file_that_fails_leaves_the_others_and_the_next_run_fetches_only_it(
    site, instance, tmp_path
):
    pages = [ExportPage(n, f"River {n}", f"The river {n}.") for n in range(1, 10)]
    folder = write_export(site.root, "simplewiki", "20261101", pages, files=3)
    site.order("p4p6.xml.bz2", method="GET", status=404)

    message = dagster_runs.failures(materialize(instance, tmp_path, "simple"))[RAW]

    assert "1 of 3 shards of raw_wikipedia (simple) failed; finished and kept: 2" in message
    assert "--source dump --snapshot 20261101" in message
    assert "withdrawn" in message
    assert materialize(instance, tmp_path, "simple").success
    for file in folder.glob("*.bz2"):
        assert len(site.requested(file.name)) == (2 if "p4p6" in file.name else 1)
