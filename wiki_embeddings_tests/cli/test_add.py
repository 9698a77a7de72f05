from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.exports import ExportPage, served, write_export
from wiki_embeddings_tests.support.homes import cli_in_this_process


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    with served(monkeypatch, tmp_path / "site") as site:
        write_export(site.root, "dewiki", "20261101", [ExportPage(1, "Snow", "Snow is white.")])
        yield site


def test_editions_are_added_marked_and_removed(site, tmp_path):
    def run(*arguments: str) -> list[str]:
        done = cli_in_this_process(tmp_path, *arguments, WIKI_EMBEDDINGS_DUMPS_URL=site.url)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert run("add") == ["Here: sample.", "Marked for refreshing: none."]
    assert run("add", "de") == ["Added de.", "Here: sample, de.", "Marked for refreshing: none."]
    assert run("add", "de", "--refresh")[0] == "de is here already."
    assert run("add", "de")[-1] == "Marked for refreshing: de.", "the mark stays"
    assert run("add", "de", "--no-refresh")[-1] == "Marked for refreshing: none."
    removed = run("remove", "de")
    assert removed[:2] == ["Removed de. Its outputs stay on the volume.", "Here: sample."]


def test_an_edition_that_wikimedia_does_not_have_is_refused(site, tmp_path):
    refused = cli_in_this_process(tmp_path, "add", "de", "xx", WIKI_EMBEDDINGS_DUMPS_URL=site.url)
    assert refused.returncode == 1
    assert "Error: Wikimedia exports no wiki xxwiki" in refused.stderr
    listed = cli_in_this_process(tmp_path, "add")
    assert listed.stdout.startswith("Here: sample.\n"), "nothing was added"


def test_a_run_of_an_edition_that_wikimedia_does_not_have_adds_nothing(site, tmp_path, tiny_model):
    refused = cli_in_this_process(
        tmp_path,
        "run",
        *("--wiki", "xx", "--model", str(tiny_model)),
        WIKI_EMBEDDINGS_DUMPS_URL=site.url,
    )
    assert refused.returncode == 1
    assert "Error: Wikimedia exports no wiki xxwiki" in refused.stderr
    assert cli_in_this_process(tmp_path, "add").stdout.startswith("Here: sample.\n")


def test_an_edition_is_added_with_a_warning_where_nobody_can_be_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    added = cli_in_this_process(
        tmp_path, "add", "de", WIKI_EMBEDDINGS_DUMPS_URL="http://127.0.0.1:9"
    )
    assert added.returncode == 0
    assert added.stdout.startswith("Added de.\n")
    assert added.stderr.startswith("Not verified that there is a Wikipedia 'de': Cannot read")
