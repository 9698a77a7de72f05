"""Search in a dataset on the Hub: fetching, caching, and refusals."""

from __future__ import annotations

import io

import click
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.cli import search, searched
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.published_dataset import fetch, look_up, missing_bytes
from wiki_embeddings_tests.standins.hub import BLOCKED_TOKEN, TOKEN
from wiki_embeddings_tests.support.passages import (
    PASSAGES,
    card_of,
    dataset_files,
    question_about,
)

NAME = "somebody/wikipedia-simple-tiny-bert"
MODEL = "some-lab/tiny-bert"
SMALL = "small/train-00000-of-00001.parquet"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def encoder(tiny_model):
    return encoders.load(tiny_model, "cpu", precision="float32")


@pytest.fixture
def files(hub, encoder, tiny_model):
    """Content of a dataset whose model is on the Hub as well."""
    commit = hub.add(MODEL, tiny_model, repo_type="model")
    return dataset_files(encoder, model=MODEL, revision=commit)


@pytest.fixture
def commit(hub, files):
    """The commit of the dataset on the Hub."""
    return hub.add(NAME, files)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def ask(capsys):
    """Search the dataset, and return the printed best passage."""

    def search_and_print(question, *, dataset=NAME, config=None, revision=None, yes=False):
        search.print_passages(
            [question],
            wiki="sample",
            dataset=dataset,
            config=config,
            revision=revision,
            yes=yes,
            count=1,
        )
        return capsys.readouterr().out

    return search_and_print


def without_the_hub(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", NOWHERE)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between its attempts


@pytest.mark.usefixtures("commit")
def test_the_small_config_is_searched_and_nothing_else_fetched(hub, ask):
    found = ask(question_about("Albedo"))
    assert "  1.000  Albedo  https://simple.wikipedia.org/wiki/Albedo" in found
    assert not hub.requests("/data/")


@pytest.mark.usefixtures("commit")
@pytest.mark.parametrize(
    "address",
    ["{hub}/datasets/{name}", "https://huggingface.co/datasets/{name}/", "hf://datasets/{name}"],
)
def test_a_dataset_may_be_given_by_its_address(hub, ask, address):
    found = ask(question_about("Albedo"), dataset=address.format(hub=hub.url, name=NAME))
    assert "  1.000  Albedo  https://simple.wikipedia.org/wiki/Albedo" in found


@pytest.mark.usefixtures("commit")
@pytest.mark.parametrize("title", PASSAGES)
def test_the_default_config_has_all_passages(ask, title):
    assert f"  1.000  {title}  " in ask(question_about(title), config="default")


@pytest.mark.usefixtures("commit")
def test_a_passage_that_only_the_default_config_has_is_not_found_in_the_small_one(ask):
    assert "Alchemy" not in ask(question_about("Alchemy"))


@pytest.mark.usefixtures("commit")
def test_no_file_is_fetched_twice(hub, ask):
    first = ask(question_about("Albedo"))
    before = len(hub.served)
    assert ask(question_about("Albedo")) == first
    (again,) = hub.served[before:]
    assert again.path.startswith(f"/api/datasets/{NAME}/revision/main"), "has main moved?"


def test_a_cached_commit_needs_no_hub(hub, commit, ask, monkeypatch):
    found = ask(question_about("Albedo"))
    without_the_hub(monkeypatch)
    before = len(hub.served)
    assert ask(question_about("Albedo"), revision=commit) == found
    assert len(hub.served) == before


def test_a_branch_without_the_hub_names_the_cached_commits(commit, ask, monkeypatch):
    ask(question_about("Albedo"))
    without_the_hub(monkeypatch)
    with pytest.raises(WikiEmbeddingsError, match=f"that is here already .*--revision: {commit}"):
        ask("anything")
    with pytest.raises(WikiEmbeddingsError, match="connection to the Hub") as raised:
        ask("anything", config="default")
    assert commit not in str(raised.value), "only its small config is cached"


def test_a_damaged_list_of_files_is_requested_again(commit, ask, home):
    found = ask(question_about("Albedo"))
    (listing,) = home.glob("datasets/*/*/snapshot.json")
    intact = listing.read_bytes()
    for damage in (b"", b"[]", b'{"files": [{}]}', b'{"files": []}'):
        listing.write_bytes(damage)
        assert ask(question_about("Albedo"), revision=commit) == found
        assert listing.read_bytes() == intact


def test_a_tag_is_unchanged_when_main_moves_on(hub, files, commit, ask):
    hub.repository(NAME).refs["refs/tags/20231101"] = commit
    only = {path: content for path, content in files.items() if not path.startswith("small/")}
    later = files["data/train-00001-of-00002.parquet"]
    assert hub.add(NAME, {**only, SMALL: later}) != commit
    assert "  1.000  Albedo  " in ask(question_about("Albedo"), revision="20231101")
    assert "  1.000  Alchemy  " in ask(question_about("Alchemy"))
    assert "Albedo" not in ask(question_about("Albedo"))


def test_a_damaged_local_file_is_fetched_again(commit, home, ask):
    found = ask(question_about("Albedo"))
    (kept,) = home.glob(f"datasets/*/{commit}/{SMALL}")
    content = bytearray(kept.read_bytes())
    content[100:200] = bytes(100)
    kept.write_bytes(content)
    assert ask(question_about("Albedo")) == found


def test_a_broken_fetch_is_resumed(hub, commit, home, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between its attempts
    published = look_up(NAME, revision="main", config=None, home=home).config("default")
    assert (published.snapshot.commit, missing_bytes(published)) == (commit, published.bytes)
    hub.cut("/data/train-00001", after=1000)
    hub.fail("/data/train-00001", 403)
    with pytest.raises(BadInputError, match="train-00001"):
        fetch(published, lambda _: None)
    assert missing_bytes(published) == published.snapshot.files[1].size - 1000
    progress: list[int] = []
    fetch(published, progress.append)
    assert missing_bytes(published) == 0
    assert sum(progress) == published.bytes
    assert hub.body_bytes("/store/") == published.bytes


REFUSALS = {
    "private": "no such repository, or it is private.*HF_TOKEN",
    "gated": "is gated.*Accept its terms",
}


@pytest.fixture(params=["", BLOCKED_TOKEN], ids=["no token", "another account"])
def _stranger(request, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", request.param)


@pytest.mark.usefixtures("_stranger")
@pytest.mark.parametrize("access", REFUSALS)
def test_without_access_nothing_is_searched(hub, files, ask, access):
    hub.add(NAME, files, **{access: True})
    with pytest.raises(BadInputError, match=REFUSALS[access]):
        ask("anything")


@pytest.mark.parametrize("access", ["private", "gated"])
def test_a_token_opens_what_its_account_may_read(hub, files, ask, monkeypatch, access):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add(NAME, files, **{access: True})
    assert "  1.000  Albedo  " in ask(question_about("Albedo"))


@pytest.mark.usefixtures("commit")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dataset": "nobody/nothing"}, "nobody/nothing .*no such repository, or it is private"),
        ({"revision": "20991101"}, "at revision 20991101: .*no such revision"),
        ({"revision": "0" * 40}, "no such revision"),
        ({"dataset": "./somebody/nothing"}, "somebody/nothing is not a published dataset"),
        ({"dataset": "nothing"}, "nothing is not a published dataset.*namespace/name"),
        ({"dataset": "hf://spaces/a/b"}, "not the address of a dataset on http:"),
        ({"dataset": "https://huggingface.co/a/b"}, "name it as namespace/name"),
        ({"dataset": "https://huggingface.co/datasets/a/b/tree/v1"}, "with --revision"),
        ({"dataset": "hf://models/a/b"}, "name it as namespace/name"),
        ({"dataset": None, "revision": "v1"}, "--revision v1 applies only to a dataset on"),
        ({"dataset": None, "config": "small"}, "--config small is a part of a published dataset"),
    ],
)
def test_a_missing_dataset_revision_or_config_is_named(ask, options, sentence):
    with pytest.raises(BadInputError, match=sentence):
        ask("anything", **options)


def changed(files, **by_name):
    """The files with some replaced, or left out if None."""
    names = {
        "card": "README.md",
        "small": SMALL,
        "second": "data/train-00001-of-00002.parquet",
        "third": "data/train-00002-of-00003.parquet",
    }
    content = {**files, **{names[name]: data for name, data in by_name.items()}}
    return {path: data for path, data in content.items() if data is not None}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"card": b"---\nlicense: mit\n---\n"}, "does not name the model"),
        ({"card": b"---\na: [1\n---\n"}, r"Cannot read README\.md of somebody/"),
        ({"card": None}, r"no README\.md that this project has written"),
        ({"card": b" " * 1_000_001}, r"no README\.md that this project has written"),
        ({"small": None}, "no config small: .*with --config default"),
        ({"second": None}, r"config default: data/train-00001-of-00002\.parquet is missing"),
        ({"second": None, "third": b"of three"}, "00002 and 00003, so files of two versions"),
        ({"small": b"no Parquet at all"}, r"Cannot read .*is the same as in"),
    ],
)
def test_a_dataset_in_another_form_is_refused(hub, files, ask, changes, sentence):
    hub.add(NAME, changed(files, **changes))
    config = "default" if "second" in changes else "small"
    with pytest.raises(BadInputError, match=sentence):
        ask("anything", config=config)


def test_no_rows_are_fetched_if_the_model_is_missing(hub, files, encoder, ask):
    card = card_of(encoder, model="nobody/nothing", revision="0" * 40)
    hub.add(NAME, changed(files, card=card))
    with pytest.raises(BadInputError, match="model nobody/nothing"):
        ask("anything")
    assert not hub.requests("/small/")


def test_vectors_with_other_dimensions_than_the_cards_model_are_refused(hub, files, encoder, ask):
    card = card_of(
        encoder,
        model="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    )
    hub.add(NAME, changed(files, card=card))
    with pytest.raises(BadInputError, match="have 32 dimensions, the question has 384"):
        ask("anything")


class Terminal(io.StringIO):
    """A terminal with typed input."""

    def isatty(self):
        return True


@pytest.fixture
def large_fetch(monkeypatch, commit):
    """Ask before any fetch, as if it were large."""
    monkeypatch.setattr(searched, "CONFIRM_ABOVE_BYTES", 1000)
    return commit


@pytest.mark.usefixtures("large_fetch")
def test_a_large_fetch_without_a_terminal_needs_yes(hub, ask, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(BadInputError, match=r"0\.0 MB of somebody/.* kept in .*Pass --yes"):
        ask("anything", config="default")
    assert not hub.requests("/data/")
    assert "  1.000  Alchemy  " in ask(question_about("Alchemy"), config="default", yes=True)
    assert "  1.000  Algae  " in ask(question_about("Algae"), config="default"), "it is cached now"


@pytest.mark.usefixtures("large_fetch")
def test_a_large_fetch_starts_when_the_user_agrees(ask, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert "  1.000  Alchemy  " in ask(question_about("Alchemy"), config="default")


@pytest.mark.usefixtures("large_fetch")
def test_nothing_is_fetched_when_the_user_declines(hub, ask, monkeypatch):
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    with pytest.raises(click.Abort):
        ask("anything", config="default")
    assert not hub.requests("/data/")


@pytest.mark.usefixtures("commit")
def test_a_local_folder_takes_precedence_over_the_hub(hub, encoder, ask, tmp_path, monkeypatch):
    for path, content in dataset_files(encoder).items():
        file = tmp_path / NAME / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    before = len(hub.served)
    assert "  1.000  Alchemy  " in ask(question_about("Alchemy")), "all of a folder is searched"
    assert "Alchemy" not in ask(question_about("Alchemy"), config="small")
    assert len(hub.served) == before
    with pytest.raises(BadInputError, match="is a folder here, and has no --revision 20231101"):
        ask("anything", revision="20231101")


def test_escape_sequences_are_not_printed(hub, files, encoder, ask, monkeypatch):
    monkeypatch.setitem(PASSAGES, "Albedo", "Snow \x1b]0;owned\x07\x9b2J shines.")
    hub.add(NAME, {**dataset_files(encoder), "README.md": files["README.md"]})
    found = ask("Snow ]0;owned2J shines.")
    assert "Snow  ]0;owned  2J shines." in found
    assert not {"\x1b", "\x07", "\x9b"} & set(found)
