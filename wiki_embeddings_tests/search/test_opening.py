"""The public interface and its command line, where a dataset has no index: exact search."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from wiki_embeddings import encoders, search
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support.homes import cli_in_this_process
from wiki_embeddings_tests.support.passages import (
    PASSAGES,
    SMALL_ROWS,
    dataset_files,
    question_about,
)
from wiki_embeddings_tests.support.static_site import static_site

NAME = "somebody/wikipedia-simple-tiny-bert"


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return encoders.load(tiny_model, "cpu", precision="float32")


@pytest.fixture(scope="module")
def files(encoder):
    return dataset_files(encoder)


@pytest.fixture(scope="module")
def folder(files, tmp_path_factory):
    """The dataset in a folder."""
    folder = tmp_path_factory.mktemp("dataset")
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "home"


def titles(passages):
    return [passage.title for passage in passages]


def test_a_passage_says_where_it_is_from(folder, encoder):
    with search.open(folder) as index:
        best, *others = index.query(question_about("Albedo"), k=3)
        assert index.note is None
    assert (best.title, best.section, best.text) == ("Albedo", "", PASSAGES["Albedo"])
    assert best.url == "https://simple.wikipedia.org/wiki/Albedo"
    assert (best.id, best.chunk_index, best.row) == (1, 0, 1)
    assert best.score == pytest.approx(1.0, abs=1e-3)
    vectors = encoder.encode_texts(list(PASSAGES.values()))
    expected = np.argsort(-(vectors @ vectors[1]))
    assert [best.row, *(other.row for other in others)] == expected[:3].tolist()
    assert index.neighbours(best, 2) == [
        passage for passage in index.neighbours(best.row, 5) if passage.row in expected[1:3]
    ]


def test_filters_leave_only_what_they_name(folder):
    index = search.open(str(folder))
    assert set(titles(index.query("a", title="AL"))) == {"Albedo", "Algae", "Alchemy"}
    assert index.query("a", section="History") == []


@pytest.mark.parametrize("question", ["", " \n", None, 3])
def test_a_blank_question_is_refused(folder, question):
    with pytest.raises(BadInputError, match="The question is blank"):
        search.open(folder).query(question)


@pytest.mark.parametrize("k", [0, -1, 1001, 2.0, "3"])
def test_a_count_out_of_range_is_refused(folder, k):
    with pytest.raises(BadInputError, match="ask for 1 to 1,000 passages"):
        search.open(folder).query("a", k)


@pytest.mark.parametrize("row", [-1, len(PASSAGES)])
def test_a_row_that_does_not_exist_has_no_neighbours(folder, row):
    with pytest.raises(BadInputError, match=f"no row {row} in"):
        search.open(folder).neighbours(row)


def test_without_an_index_the_small_config_is_searched_and_that_is_said(hub, files):
    hub.add(NAME, files)
    index = search.open(NAME)
    assert index.note
    assert f"{NAME} has no index: only the rows of its config small" in index.note
    assert len(index.query("a", 100)) == SMALL_ROWS
    everything = search.open(f"{hub.url}/datasets/{NAME}", config="default")
    assert (everything.note, len(everything.query("a", 100))) == (None, len(PASSAGES))


def test_an_opened_index_stays_at_its_commit(hub: LocalHub, files, encoder, monkeypatch):
    hub.add(NAME, files)
    index = search.open(NAME)
    monkeypatch.setitem(PASSAGES, "Albedo", "Asphalt is dark.")
    hub.add(NAME, dataset_files(encoder))
    assert "Asphalt is dark." not in [passage.text for passage in index.query("Asphalt is dark.")]
    assert search.open(NAME).query("Asphalt is dark.", 1)[0].text == "Asphalt is dark."


def test_a_dataset_on_any_web_server_is_searched_in_its_small_config(files):
    with static_site(dict(files)) as site:
        index = search.open(site.url)
        assert index.note
        assert titles(index.query(question_about("Albedo"), 1)) == ["Albedo"]
        asked = len(site.asked)
        again = search.open(f"{site.url}/README.md")
        assert len(again.query("a", 100)) == SMALL_ROWS
        assert not any("small" in path for path, _ in site.asked[asked:]), "it is here"
        with pytest.raises(BadInputError, match="lists no files"):
            search.open(site.url, config="default")
        with pytest.raises(BadInputError, match="--revision v1 applies only to a dataset on"):
            search.open(site.url, revision="v1")
        site.files["README.md"] += b"Another snapshot.\n"
        site.files.pop("small/train-00000-of-00001.parquet")
        with pytest.raises(BadInputError, match=r"has no small/train.*holds its README\.md"):
            search.open(site.url)
        site.files["README.md"] = b"---\nlicense: mit\n---\n"
        with pytest.raises(BadInputError, match="does not name the model"):
            search.open(site.url)


def test_what_is_no_dataset_is_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between attempts
    monkeypatch.chdir(tmp_path)
    for where, sentence in {
        "sample": "There are no embeddings of sample in .*`wiki-embeddings run --wiki sample`",
        "No Such": "No Such is not a published dataset",
        "./en": "en is not a published dataset",
        "ftp://example.org/x": "not the address of a dataset",
        "https://huggingface.co/ada": "not the address of a dataset on",
    }.items():
        with pytest.raises(BadInputError, match=sentence):
            search.open(where)
    with pytest.raises(WikiEmbeddingsError, match="connection to 127"):
        search.open("http://127.0.0.1:9/x")


@pytest.fixture
def ask(folder, home, monkeypatch):
    def run(*arguments, questions=None):
        if questions is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(questions), "utf-8"))
        place = ("--dataset", str(folder))
        return cli_in_this_process(home, "search", *arguments, *place, NO_PROXY="127.0.0.1")

    return run


def test_the_command_line_prints_a_line_of_json_for_each_question(ask, folder):
    questions = [question_about("Algae"), question_about("Albedo"), "\N{SNOWMAN}"]
    asked = "\n\n".join(questions).encode()
    answers = list(map(json.loads, ask("--json", "-n", "2", questions=asked).stdout.splitlines()))
    assert [answer["question"] for answer in answers] == questions
    assert {answer["dataset"] for answer in answers} == {str(folder)}
    assert [len(answer["passages"]) for answer in answers] == [2, 2, 2]
    first = answers[0]["passages"][0]
    assert first == search.open(folder).query(questions[0], 2)[0].__dict__
    one = ask("--json", "-n", "2", questions[0]).stdout
    assert json.loads(one) == answers[0]


def test_the_command_line_filters_by_title_and_section(ask):
    found = ask("snow", "--title", "alb", "-n", "10").stdout
    assert "Albedo" in found
    assert "Algae" not in found
    assert ask("snow", "--section", "none", "--json").stdout.count('"passages": []') == 1
    assert "No passage found." in ask("snow", "--section", "none").stdout


def test_questions_that_are_no_text_are_refused(ask):
    refused = ask(questions=b"What is snow?\nWho was G\xf6del?\n")
    assert refused.returncode == 1
    assert "questions on the standard input are no text in utf-8" in refused.stderr


def test_the_cache_is_shown_and_emptied(hub: LocalHub, files, home):
    hub.add(NAME, files)
    search.open(NAME)
    (home / "ranges.db").write_bytes(bytes(2_000_000))
    shown = cli_in_this_process(home, "cache").stdout
    assert "2.0 MB  of indexes" in shown
    assert "Removed 2.0 MB." in cli_in_this_process(home, "cache", "clear").stdout
    assert not list(home.rglob("*.parquet"))
    assert not (home / "ranges.db").exists()
    assert "0.0 MB  of indexes" in cli_in_this_process(home, "cache").stdout
