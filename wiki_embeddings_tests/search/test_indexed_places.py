"""A dataset with an index, searched from where it lies: the Hub, a web server, the volume."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from wiki_embeddings import search
from wiki_embeddings.dataset_layout import INDEX_HEAD
from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.byte_ranges import ChangedFileError
from wiki_embeddings.search.indexed import IndexedRows
from wiki_embeddings_tests.cli.test_ui import page_fixture
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support.homes import cli_in_this_process
from wiki_embeddings_tests.support.indexed_passages import indexed_passages, texts
from wiki_embeddings_tests.support.served_page import served_page
from wiki_embeddings_tests.support.static_site import static_site

__all__ = ["page_fixture"]

NAME = "somebody/wikipedia-simple-tiny-bert"
LISTS = "index/lists-00000-of-00001.bin"
QUESTIONS = texts(seed=7)[::6]
PUBLISHED = ("README.md", "data/", "small/", "index/")


def files_of(folder: Path) -> dict[str, bytes]:
    """What of a dataset on the volume is published, by path."""
    paths = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return {path: (folder / path).read_bytes() for path in paths if path.startswith(PUBLISHED)}


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_model):
    """A home with a dataset that has an index, and the dataset of another snapshot."""
    home = tmp_path_factory.mktemp("made")
    first = indexed_passages(home, tiny_model)
    other = indexed_passages(tmp_path_factory.mktemp("other"), tiny_model, seed=2)
    return home, files_of(first.folder), files_of(other.folder)


@pytest.fixture
def files(made) -> dict[str, bytes]:
    return dict(made[1])


@pytest.fixture(scope="module")
def answers(made, tmp_path_factory):
    """What an exact search finds, by question."""
    folder = tmp_path_factory.mktemp("exact")
    for path, content in made[1].items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    exact = search.open(folder, config="default")
    return {question: exact.query(question) for question in QUESTIONS}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between attempts
    return tmp_path / "home"


def require_equal(found, answers) -> None:
    """Compare passages with those of an exact search, but for the last digits of their scores."""
    for question, passages in found.items():
        expected = answers[question]
        assert [replace(passage, score=0) for passage in passages] == [
            replace(passage, score=0) for passage in expected
        ]
        scores = [passage.score for passage in expected]
        assert [passage.score for passage in passages] == pytest.approx(scores, abs=1e-4)


def ask_all(index) -> dict[str, list[search.Passage]]:
    return {question: index.query(question) for question in QUESTIONS}


def test_the_hub_is_searched_by_ranges_cold_and_warm_and_offline(
    hub: LocalHub, files, answers, monkeypatch
):
    commit = hub.add(NAME, files)
    with search.open(NAME) as index:
        assert index.note is None
        found = ask_all(index)
        best, *_ = found[QUESTIONS[0]]
        assert best not in index.neighbours(best, 3)
    require_equal(found, answers)
    asked = [served.path for served in hub.served if "/resolve/" in served.path]
    assert len(asked) == len(set(asked)), "each file is resolved once"
    before = hub.body_bytes("/store/")
    with search.open(NAME) as again:
        assert ask_all(again) == found
    assert hub.body_bytes("/store/") == before, "all of it is kept"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WikiEmbeddingsError, match=f"here already .*--revision: {commit}"):
        search.open(NAME)


def test_a_commit_that_was_searched_needs_no_network(hub: LocalHub, files, monkeypatch):
    commit = hub.add(NAME, files)
    found = search.open(NAME).query(QUESTIONS[0])
    served = len(hub.served)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    offline = search.open(NAME, revision=commit)
    assert offline.query(QUESTIONS[0]) == found
    assert len(hub.served) == served


def test_ten_search_while_another_snapshot_is_published(hub: LocalHub, made, files, answers):
    hub.add(NAME, files)
    index = search.open(NAME)
    index.prepare()
    held = hub.hold(f"/store/datasets/{NAME}", skip=3)

    def ask(question):
        return question, index.query(question)

    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(ask, question) for question in QUESTIONS]
        held.reached.wait(60)
        hub.add(NAME, made[2])
        held.release()
        found = dict(future.result() for future in asked)
    require_equal(found, answers)
    newest = search.open(NAME)
    assert newest.label != index.label
    assert newest.query(QUESTIONS[0])[0].text in texts(seed=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({LISTS: lambda content: content[:-100]}, "bytes"),
        ({LISTS: lambda content: content[:-1] + b"!"}, "does not belong to the index"),
        ({INDEX_HEAD: lambda content: content[: len(content) // 2]}, "head"),
        ({INDEX_HEAD: lambda _: b'{"a": [' * 9000}, "head"),
        ({INDEX_HEAD: lambda _: b""}, "head"),
    ],
    ids=["short lists", "altered lists", "half a head", "hostile head", "no head"],
)
def test_a_damaged_index_is_refused_in_a_sentence(hub: LocalHub, files, changes, sentence):
    changed = {path: change(files[path]) for path, change in changes.items()}
    hub.add(NAME, {**files, **changed})
    with pytest.raises(BadInputError, match=sentence):
        ask_all(search.open(NAME))


def test_an_index_of_another_snapshot_is_refused(hub: LocalHub, files, made):
    data = {path: content for path, content in made[2].items() if path.startswith("data/")}
    hub.add(NAME, {**files, **data})
    with pytest.raises(BadInputError, match=r"does not belong to the index|mixture of two"):
        search.open(NAME).query(QUESTIONS[0])
    assert search.open(NAME, config="default").query(QUESTIONS[0]), "its rows are all right"


def test_any_web_server_is_searched_by_ranges(files, answers):
    with static_site(files) as site:
        site.signs = True
        with search.open(site.url) as index:
            first = {question: index.query(question) for question in QUESTIONS[:10]}
            site.signature += 1
            rest = {question: index.query(question) for question in QUESTIONS[10:]}
        require_equal({**first, **rest}, answers)
        asked = len(site.asked)
        search.open(site.url).query(QUESTIONS[0])
        assert all(
            "README" in path or "wiki_embeddings.json" in path or INDEX_HEAD in path
            for path, _ in site.asked[asked:]
        )
        assert not any("small/" in path for path, _ in site.asked)


def test_a_web_server_without_ranges_is_refused(files):
    with static_site(files) as site:
        site.honours_ranges = False
        with pytest.raises(BadInputError, match="sends whole files"):
            search.open(site.url)


def test_files_that_change_under_a_search_stop_it(files, made):
    with static_site(files) as site:
        index = search.open(site.url)
        index.query(QUESTIONS[0])
        site.files.update(made[2])
        with pytest.raises((ChangedFileError, BadInputError)):
            ask_all(index)
        assert search.open(site.url).query(QUESTIONS[1])[0].text in texts(seed=2)
        site.statuses = [500] * 1000
        with pytest.raises(TransientError, match="answers with status 500"):
            index.query("something else")


def test_a_wiki_on_the_volume_is_searched_with_its_datasets_index(made, answers, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(made[0]))
    index = search.open("sample")
    assert isinstance(index._rows, IndexedRows)
    require_equal(ask_all(index), answers)
    printed = [
        cli_in_this_process(made[0], "search", QUESTIONS[0], *exact).stdout
        for exact in ([], ["--exact"])
    ]
    assert printed[0] == printed[1] != ""


def test_the_command_line_reads_the_hub_by_ranges(hub: LocalHub, files, answers, home):
    hub.add(NAME, files)
    question = QUESTIONS[0]
    arguments = ("search", question, "--dataset", NAME, "--json", "-n", "10", "--title", "article")
    printed = cli_in_this_process(home, *arguments, HF_ENDPOINT=hub.url, NO_PROXY="127.0.0.1")
    assert printed.stderr == ""
    rows = [passage["row"] for passage in json.loads(printed.stdout)["passages"]]
    assert rows == [passage.row for passage in answers[question]]
    assert not hub.requests("/small/")
    assert hub.body_bytes(LISTS) == len(files[LISTS])


def test_the_page_reads_the_hub_by_ranges(page, hub: LocalHub, files, answers, home):
    hub.add(NAME, files)
    home.mkdir()
    question = QUESTIONS[0]
    expected = answers[question]
    with served_page(home, "--dataset", NAME, HF_ENDPOINT=hub.url, NO_PROXY="127.0.0.1") as address:
        page.goto(f"{address}/#{urlencode({'question': question})}")
        shown = page.locator("#passages > li > article .text")
        expect(shown).to_have_text([passage.text for passage in expected])
        page.get_by_role("button", name="Similar passages").first.click()
        expect(page.locator("#passages li li")).to_have_count(5)
        link = page.locator("#passages a").first
        expect(link).to_have_attribute("href", expected[0].url)
        assert "?oldid=" in expected[0].url
    assert not hub.requests("/small/")
