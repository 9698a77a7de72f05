"""The search page as a person sees it: the real server in a real browser."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, expect

from wiki_embeddings import encoders
from wiki_embeddings_tests.cli.test_ui import page_fixture
from wiki_embeddings_tests.support.homes import cli_in_this_process
from wiki_embeddings_tests.support.passages import PASSAGES, dataset_files, question_about
from wiki_embeddings_tests.support.served_page import post, served_page

__all__ = ["page_fixture"]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"


def with_hostile_columns(content: bytes) -> bytes:
    """The Parquet file with markup in the titles and sections, and a script as an address."""
    table = pq.read_table(io.BytesIO(content))
    columns = {
        "title": [f"{title} {HOSTILE}" for title in table["title"].to_pylist()],
        "section": [HOSTILE] * table.num_rows,
        "url": ["javascript:alert(1)", *table["url"].to_pylist()[1:]],
    }
    for name, values in columns.items():
        number = table.schema.get_field_index(name)
        field = table.schema.field(name)
        table = table.set_column(number, field, pa.array(values, field.type))
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, tiny_model) -> Path:
    """A dataset in a folder, whose titles, sections and one address are hostile."""
    folder: Path = tmp_path_factory.mktemp("dataset")
    encoder = encoders.load(tiny_model, "cpu", precision="float32")
    for path, content in dataset_files(encoder).items():
        (folder / path).parent.mkdir(exist_ok=True)
        is_table = path.endswith(".parquet")
        (folder / path).write_bytes(with_hostile_columns(content) if is_table else content)
    return folder


@pytest.fixture(scope="module")
def address(dataset, tmp_path_factory):
    with served_page(tmp_path_factory.mktemp("home"), "--dataset", str(dataset)) as address:
        yield address


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_contain_text("passages in")


def test_a_person_asks_reads_passages_and_sees_similar_ones(page, address, dataset):
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(str(dataset))
    ask(page, question_about("Algae"))
    articles = page.locator("#passages > li > article")
    expect(articles).to_have_count(len(PASSAGES))
    best = articles.first
    expect(best.get_by_role("heading")).to_have_text(f"Algae {HOSTILE}")
    expect(best.locator(".text")).to_have_text(PASSAGES["Algae"])
    expect(best.locator(".section")).to_have_text(HOSTILE)
    expect(best.locator(".score")).to_have_text("1.000")
    link = best.get_by_role("link")
    expect(link).to_have_attribute("href", "https://simple.wikipedia.org/wiki/Algae")
    similar = best.get_by_role("button", name="Similar passages")
    similar.click()
    others = page.locator("#passages > li").first.locator("ol h2")
    expect(others).to_have_count(5)
    assert not any("Algae" in title for title in others.all_text_contents())
    similar.click()
    expect(others).to_have_count(0)


def test_nothing_that_a_dataset_says_runs(page, address):
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    ask(page, question_about("Achilles"))
    expect(page.locator("#passages h2").first).to_have_text(f"Achilles {HOSTILE}")
    assert page.locator("#passages h2 a").first.get_attribute("href") is None, "no javascript:"
    assert page.locator("#passages img, #passages script").count() == 0
    assert page.title().startswith("Search ")
    assert not said


def test_a_question_stands_in_the_address_and_filters_hold(page, address):
    page.goto(f"{address}/#question=Snow&title=ALBEDO&k=5")
    expect(page.locator("#passages h2")).to_have_count(1)
    expect(page.get_by_label("Question")).to_have_value("Snow")
    page.get_by_label("Title contains").fill("nothing like it")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_have_text("No passage found.")
    page.go_back()
    expect(page.locator("#passages h2")).to_have_count(1)


def test_the_page_is_dark_where_the_system_is(page, address):
    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.goto(address)
    page.emulate_media(color_scheme="light")
    light = paper()
    page.emulate_media(color_scheme="dark")
    assert (light, paper()) == ("rgb(253, 253, 252)", "rgb(22, 24, 26)")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"question": ""}, "The question is blank"),
        ({"question": "a", "k": 0}, "k is 0: ask for 1 to 1,000 passages"),
        ({"question": "a", "k": True}, "k has to be a whole number"),
        ({"question": ["a"]}, "question has to be a text"),
        ({"question": "\ud800"}, "Unicode"),
        ([], "no JSON object"),
        (b"[" * 100_000, "no JSON"),
        (b"\xff", "no JSON"),
        (b" " * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(address, content, sentence):
    status, answer = post(f"{address}/api/search", content)
    assert status == 400
    assert sentence in answer["error"]


def test_questions_of_any_length_are_answered_also_at_the_same_time(address):
    questions = ["a", "snow " * 20_000, *map(question_about, PASSAGES), "🙂", "x" * 100_000]
    with ThreadPoolExecutor(10) as pool:
        answers = list(
            pool.map(lambda q: post(f"{address}/api/search", {"question": q}), questions)
        )
    assert all(status == 200 and len(answer["passages"]) == 6 for status, answer in answers)
    found = [answer["passages"][0]["text"] for _, answer in answers[2:8]]
    assert found == list(PASSAGES.values())


def test_rows_that_do_not_exist_have_no_neighbours(address):
    for row in (-1, 6, 10**30):
        status, answer = post(f"{address}/api/neighbours", {"row": row})
        assert status == 400
        assert "There is no row" in answer["error"]


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example:80"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
def test_other_sites_are_refused(address, headers):
    status, answer = post(f"{address}/api/search", {"question": "a"}, headers)
    assert status == 403
    assert "for this machine only" in answer["error"]


def test_a_port_in_use_is_refused_before_anything_is_fetched(address, tmp_path):
    port = address.rpartition(":")[2]
    refused = cli_in_this_process(tmp_path, "serve", "--port", port, "--dataset", "no/such")
    assert refused.returncode == 1
    assert f"cannot listen on port {port}" in refused.stderr
