"""The certificate of completeness, as the assets write it and the checks read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.volume import certificate_record
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.dagster_runs import checks, failures, materialize, metadata
from wiki_embeddings_tests.support.exports import ExportPage, served, write_export
from wiki_embeddings_tests.support.generated_wiki import WIKI

SNAPSHOTS = {"20261001": range(100), "20261101": range(2, 120), "20261201": range(2, 120)}
"""Page ids of the articles in three exports: the second has lost two of the first's, and the third
lacks them still."""


def pages(articles: Iterable[int]) -> list[ExportPage]:
    """Articles, and three pages that are none."""
    others = [
        ExportPage(1_001, "Riverlet", "#REDIRECT [[River 7]]", redirect="River 7"),
        ExportPage(1_002, "Talk:River 7", "Is it long?", namespace=1),
        ExportPage(1_003, "Rivers.json", "{}", model="json"),
    ]
    return [
        *(ExportPage(i + 1, f"River {i}", f"The river {i} is {i} miles long.") for i in articles),
        *others,
    ]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DumpsSite]:
    """A site with three exports of a wiki."""
    for snapshot, articles in SNAPSHOTS.items():
        write_export(tmp_path / "site", f"{WIKI}wiki", snapshot, pages(articles))
    with served(monkeypatch, tmp_path / "site") as site:
        yield site


def fetch(sandbox: Sandbox, **config: Any) -> dg.ExecuteInProcessResult:
    """Materialize raw_wikipedia from an export."""
    configs = {"raw_wikipedia": {"source": "dump", "snapshot": "20261001", **config}}
    return materialize(sandbox.instance, WIKI, ("raw_wikipedia",), configs, sandbox.resources())


def complete(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    """The evaluation of the check."""
    (found,) = [
        check
        for check in result.get_asset_check_evaluations()
        if check.check_name == "articles_complete"
    ]
    return found


@pytest.mark.usefixtures("site")
def test_the_pages_of_an_export_are_shown_and_nobody_else_is_asked(sandbox):
    table = metadata(fetch(sandbox), "raw_wikipedia")["completeness"]
    assert "| Pages of the export | 103 |" in table
    assert "| … by namespace | namespace 0: 102; 1: 1 |" in table
    assert "| … left out | not wikitext: 1; other namespace: 1; redirect: 1 |" in table
    assert "not compared: the export is not from Wikimedia, so nobody was asked" in table


@pytest.mark.usefixtures("site")
def test_articles_that_are_gone_stop_a_refresh_until_more_may_be_missing(sandbox):
    first = fetch(sandbox)
    assert checks(first)["articles_complete"], complete(first).description
    lost = fetch(sandbox, snapshot="20261101")
    assert "2 of the 100 articles of 20261001 are gone" in (complete(lost).description or "")
    assert "'River 0', 'River 1'" in (complete(lost).description or "")
    assert not lost.success

    # Nor does the next asset use them.
    message = sandbox.failures("chunked_volume")["chunked_volume"]
    assert "raw_wikipedia of simple must not be used. articles_complete: 2 of the 100" in message

    # What one export has lost is missed in the next one, too.
    allowed = fetch(sandbox, snapshot="20261201", max_missing_share=0.02)
    table = metadata(allowed, "raw_wikipedia")["completeness"]
    assert "| Gone since 20261001 | 2 of 100 articles |" in table


@pytest.mark.usefixtures("site")
def test_an_earlier_snapshot_is_not_compared_with_a_later_one(sandbox):
    assert fetch(sandbox, snapshot="20261101").success
    first = fetch(sandbox, snapshot="20261001")
    assert complete(first).metadata["gone"].value == "not compared: there is no earlier snapshot"


@pytest.mark.usefixtures("site")
def test_an_earlier_snapshot_from_another_source_is_not_compared_with(embedded_sandbox):
    first = fetch(embedded_sandbox)  # after a run from the Hub, whose page 0 it lacks
    assert first.success
    gone = complete(first).metadata["gone"].value
    assert gone == "not compared: the earlier snapshot is from another source"
    second = fetch(embedded_sandbox, snapshot="20261101", max_missing_share=0.02)
    assert complete(second).metadata["gone"].value == 2


@pytest.mark.usefixtures("site")
def test_a_required_article_that_is_missing_stops_the_run(sandbox, tmp_path):
    titles = tmp_path / "vital.txt"
    titles.write_text("\ufeffRiver_7\n\nriver 99\nRiver 100\n", encoding="utf-8")
    lacking = fetch(sandbox, required_titles=str(titles))
    assert "1 of the 3 required titles has no article: 'River 100'." in (
        complete(lacking).description or ""
    )
    titles.write_text("River_7\n")
    assert fetch(sandbox, required_titles=str(titles)).success


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "can't decode byte"),
        (b"\n \n", "has no title"),
        (b"long " * 60, "has a line of 299 characters"),
    ],
)
def test_a_list_of_titles_that_cannot_be_read_is_refused_before_anything(
    sandbox, site, tmp_path, content, why
):
    titles = tmp_path / "vital.txt"
    if content is not None:
        titles.write_bytes(content)
    message = failures(fetch(sandbox, required_titles=str(titles)))["raw_wikipedia"]
    assert why in message
    assert str(titles) in message
    assert "required_titles of raw_wikipedia" in message
    assert not site.requests


def test_articles_of_an_older_release_have_to_be_fetched_again(embedded_sandbox):
    raw = embedded_sandbox.recorded("raw_wikipedia").folder
    (embedded_sandbox.root / "volume" / certificate_record(raw)).unlink()
    message = embedded_sandbox.failures("chunked_volume")["chunked_volume"]
    assert "There is no certificate of completeness for these articles" in message
    assert "Materialize raw_wikipedia again" in message


def test_the_card_of_a_dataset_shows_how_complete_it_is(embedded_sandbox):
    assert embedded_sandbox.materialize("hub_dataset").success
    (card,) = (embedded_sandbox.root / "hub").glob("*/README.md")
    section = card.read_text(encoding="utf-8").partition("## Completeness")[2]
    assert "| Articles | 40 |" in section
    assert "| Gone since an earlier snapshot | not compared: there is no earlier" in section
