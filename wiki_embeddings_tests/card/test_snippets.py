"""All Python on the card runs unchanged."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.card import card, hub_snippet, snippet
from wiki_embeddings.dataset_layout import VECTOR_COLUMNS
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS
from wiki_embeddings.manifest import Manifest, Upstream
from wiki_embeddings.schemas import embedding_schema
from wiki_embeddings.stages.shard import describe_parquet
from wiki_embeddings.stages.statistics import vector_statistics
from wiki_embeddings_tests.support.interpreters import run_often
from wiki_embeddings_tests.support.reader_environment import create_environment
from wiki_embeddings_tests.support.synthetic import SETTINGS, with_noise

REPO_ID = "ada/wikipedia-simple"

PASSAGES = {
    "Rayleigh scattering": "Air scatters blue light more than red, so the sky looks blue by day.",
    "Anarchism": "Anarchists hold that the state is undesirable, unnecessary and harmful.",
    "Albedo": "Fresh snow reflects up to nine tenths of the sunlight that falls on it.",
    "Achilles": "Achilles killed Hector outside the gates of Troy.",
    "Aluminium": "Aluminium is a light metal that is made from bauxite.",
    "Algorithm": "An algorithm is a finite sequence of instructions.",
    "Apollo": "Apollo is a god of the Greeks, of archery, music and dance.",
    "Alaska": "Alaska is the largest state of the United States by area.",
}
"""Title and text of each passage; the first answers the question of the card."""

# sentence-transformers needs PyTorch, which is not installed here: the same model on our encoder.
STAND_IN = """
import os

from wiki_embeddings import encoders


class SentenceTransformer:
    def __init__(self, model, revision):
        self.encoder = encoders.load(model, "cpu", revision=revision, precision="float32")

    def encode(self, text, normalize_embeddings):
        assert normalize_embeddings
        assert text.startswith(os.environ["EXPECTED_PREFIX"])
        return self.encoder.encode_texts([text.removeprefix(os.environ["EXPECTED_PREFIX"])])[0]
"""


@pytest.fixture(scope="module")
def table():
    """The passages with their vectors by MiniLM."""
    texts = list(PASSAGES.values())
    vectors = encoders.load(DEFAULT_MODEL, "cpu", precision="float32").encode_texts(texts)
    columns = {
        "id": list(range(len(texts))),
        "url": [f"https://simple.wikipedia.org/wiki/{title}" for title in PASSAGES],
        "title": list(PASSAGES),
        "revision_id": [None] * len(texts),
        "timestamp": [None] * len(texts),
        "section": [""] * len(texts),
        "chunk_index": [0] * len(texts),
        "start": [0] * len(texts),
        "text": texts,
        "n_tokens": [len(text.split()) for text in texts],
        "hash": [f"{number:032x}" for number in range(len(texts))],
        "embedding": list(vectors.astype(np.float16)),
    }
    return pa.table(columns, schema=embedding_schema(vectors.shape[1]))


@pytest.fixture
def noisy(table):
    """A thousand passages with texts that do not compress, in many row groups once published."""
    many = pa.concat_tables([table] * 125)
    many = many.set_column(0, table.schema.field("id"), [list(range(many.num_rows))])
    return with_noise(many, text_bytes=4_000)


@pytest.fixture
def publish(tmp_path, table):
    """Publish the passages in two files, as if made by a model with other settings."""

    def write(rows=table, repo_id=None, **model):
        folder = tmp_path / "published"
        files = []
        half = max(5, rows.num_rows // 2)
        for number, part in enumerate((rows.slice(0, half), rows.slice(half))):
            path = folder / f"data/train-{number:05d}-of-00002.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(part, path, row_group_size=20)
            files.append(describe_parquet(path, path.name, vector_statistics(part)))
        (folder / "small").mkdir()
        pq.write_table(rows, folder / "small/train-00000-of-00001.parquet")
        (folder / "README.md").write_text(
            card(manifest(files, **model), repo_id=repo_id), encoding="utf-8"
        )
        return folder

    return write


def manifest(files, **model):
    known = {
        "model": DEFAULT_MODEL,
        "revision": KNOWN_MODELS[DEFAULT_MODEL].revision,
        "dimensions": 384,
        "query_prefix": "",
    }
    settings = {**SETTINGS, "embeddings": {**SETTINGS["embeddings"], **known, **model}}
    upstream = Upstream("nowhere", "")
    return Manifest("simple", "embeddings", "nowhere", upstream, settings, tuple(files))


@pytest.fixture
def run(tmp_path):
    """Run copied Python in a new process."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "sentence_transformers.py").write_text(STAND_IN)

    def execute(code, folder, hub=None, prefix=""):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env={
                **os.environ,
                "HF_HOME": str(tmp_path / "home"),
                **({"HF_ENDPOINT": hub.url} if hub else {"HF_HUB_OFFLINE": "1"}),
                "PYTHONPATH": str(modules),
                "EXPECTED_PREFIX": prefix,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return execute


def python_blocks(folder):
    """The Python on a card: loading, search with NumPy, search with FAISS."""
    loading, with_numpy, with_faiss = all_python_blocks(folder)[:3]
    assert "import numpy" in with_numpy
    assert "import faiss" in with_faiss
    return loading, with_numpy, with_faiss


def all_python_blocks(folder):
    """The Python on a card for readers without this project."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return [block for block in blocks if "wiki_embeddings import" not in block]


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("config", [None, "default", "vectors", "small"])
def test_each_config_loads_as_the_card_declares_it(tmp_path, table, publish, config, streaming):
    from datasets import Features, load_dataset

    expected = table.select(VECTOR_COLUMNS) if config == "vectors" else table
    dataset = load_dataset(
        str(publish()),
        config,
        split="train",
        streaming=streaming,
        cache_dir=str(tmp_path / "cache"),
    )
    assert dataset.features == Features.from_arrow_schema(expected.schema)
    assert list(dataset) == expected.to_pylist()


def test_the_streams_on_the_card_end_cleanly_each_time(hub, publish, noisy, tmp_path):
    """What Arrow's threads still read when an interpreter ends can abort or hang it."""
    folder = publish(noisy, repo_id=REPO_ID)
    hub.add(REPO_ID, folder, branch="20231101")
    loading = python_blocks(folder)[0]
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    printed = run_often(loading, tmp_path, environment)
    assert {lines.splitlines()[-1] for lines in printed} == {"Rayleigh scattering"}


@pytest.mark.parametrize(
    ("section", "place"),
    [("", "Rayleigh scattering"), ("Cause / By day", "Rayleigh scattering, Cause / By day")],
)
def test_the_python_on_the_card_links_to_the_revision_of_a_passage(
    publish, table, run, section, place
):
    rows = table.to_pylist()
    rows[0]["section"] = section
    revised = [{**row, "revision_id": 1000 + number} for number, row in enumerate(rows)]
    folder = publish(pa.Table.from_pylist(revised, schema=table.schema))
    page = (folder / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"How to cite a passage.*?```python\n(.*?)```", page, re.DOTALL)
    assert run(code, folder) == [place, f"{rows[0]['url']}?oldid=1000"]


def test_a_card_without_revisions_does_not_link_to_them(publish):
    assert "?oldid=" not in (publish() / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("search", [1, 2], ids=["numpy", "faiss"])
def test_the_python_on_the_card_answers_its_question(publish, run, search):
    folder = publish()
    printed = run(python_blocks(folder)[search], folder)
    assert len(printed) == 5
    score, _, title = printed[0].partition(" ")
    assert title == "Rayleigh scattering"
    assert 0.5 < float(score) < 1.0
    assert [line.split()[0] for line in printed] == sorted(
        (line.split()[0] for line in printed), reverse=True
    )


@pytest.mark.parametrize("search", [1, 2], ids=["numpy", "faiss"])
def test_the_python_on_the_card_puts_the_prefix_before_the_question(publish, run, search):
    prefix = 'Ask "it"\\: '
    folder = publish(query_prefix=prefix)
    printed = run(python_blocks(folder)[search], folder, prefix=prefix)
    assert printed[0].endswith(" Rayleigh scattering")


@pytest.mark.parametrize("block", [0, 1, 2], ids=["loading", "numpy", "faiss"])
def test_the_python_on_the_card_reads_the_hub_at_the_tag(hub, publish, run, block):
    folder = publish(repo_id=REPO_ID)
    hub.add(REPO_ID, {"README.md": b"The next snapshot, with nothing in it."})
    hub.add(REPO_ID, folder, branch="20231101")
    printed = run(python_blocks(folder)[block], folder.parent, hub)
    assert any(line.endswith("Rayleigh scattering") for line in printed)


@pytest.mark.parametrize("place", ["folder", "hub"])
def test_the_lines_for_this_project_search_the_dataset_where_it_is(hub, publish, run, place):
    on_hub = place == "hub"
    folder = publish(repo_id=REPO_ID if on_hub else None)
    hub.add(REPO_ID, {"README.md": b"The next snapshot, with nothing in it."})
    hub.add(REPO_ID, folder, branch="20231101")
    page = (folder / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from wiki_embeddings .*?)```", page, re.DOTALL)
    printed = run(code, folder.parent if on_hub else folder, hub if on_hub else None)
    assert len(printed) == len(PASSAGES)
    assert printed[0].partition(" ")[2].startswith("Rayleigh scattering, https://simple.wiki")


EACH_BLOCK = """
import sys

for block in sys.stdin.read().split(chr(0)):
    exec(compile(block, "block", "exec"), {"__name__": "__main__"})
    print(chr(0), end="")
"""


def run_as_a_reader(python, blocks, folder, **environment):
    """Run blocks of Python one after the other, each from nothing; what each of them prints."""
    done = subprocess.run(
        [python, "-c", EACH_BLOCK],
        input="\0".join(blocks),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\0")[:-1]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The interpreter of an environment with the libraries of the card, and not this project."""
    libraries = ["datasets", "duckdb", "faiss-cpu", "huggingface_hub", "pandas", "polars"]
    return create_environment(tmp_path_factory.mktemp("reader"), libraries)


def test_a_reader_without_this_project_runs_all_python_on_the_card(publish, tmp_path, reader):
    folder = publish(model="/home/ada/my-model", revision="sha256:" + "a" * 64)
    no_project = subprocess.run(
        [reader, "-c", "import wiki_embeddings"], cwd=tmp_path, capture_output=True, check=False
    )
    assert no_project.returncode != 0
    blocks = all_python_blocks(folder)
    home = {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    printed = run_as_a_reader(reader, blocks, folder, **home)
    libraries = ["datasets", "numpy", "faiss", "pandas", "polars", "duckdb", "pyarrow"]
    assert [name for name, block in zip(libraries, blocks, strict=True) if name not in block] == []
    columns, vector_columns, title = printed[0].splitlines()
    assert columns == str(embedding_schema(384).names)
    assert vector_columns == str(VECTOR_COLUMNS)
    assert title == "Rayleigh scattering"
    for search in printed[1:3]:  # the first passage stands in for a question
        assert search.startswith("1.000 Rayleigh scattering\n")
    nearest = [line.split(" ", 1)[1] for line in printed[1].splitlines()]
    for name in ("pandas", "polars", "pyarrow"):
        assert printed[libraries.index(name)].splitlines() == nearest, name
    by_duckdb = printed[libraries.index("duckdb")]
    assert sorted(nearest, key=by_duckdb.index) == nearest


def test_a_reader_of_the_hub_downloads_no_more_than_the_lines_read(
    hub, publish, table, tmp_path, reader
):
    folder = publish(with_noise(table, 2**20), repo_id=REPO_ID)
    hub.add(REPO_ID, {"README.md": b"The next snapshot, with nothing in it."})
    hub.add(REPO_ID, folder, branch="20231101")
    *tables, vectors = all_python_blocks(folder)[3:]
    home = {"HOME": str(tmp_path), "HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.url}
    printed = run_as_a_reader(reader, tables, tmp_path, **home)
    assert ["Rayleigh scattering" in lines for lines in printed] == [True] * 4
    assert not [served for served in hub.requests("/store/") if "/data/" in served.path]
    before = len(hub.served)
    assert run_as_a_reader(reader, [vectors], tmp_path, **home) == [f"{table.num_rows}\n"]
    fetched = sum(served.body_bytes for served in hub.served[before:])
    assert 1_000 < fetched < 2**20, "each text is a megabyte"


def test_the_snippet_of_a_dataset_on_the_hub_reads_its_small_config_at_the_tag(hub, publish, run):
    folder = publish(repo_id=REPO_ID)
    hub.add(REPO_ID, {"README.md": b"The next snapshot, with nothing in it."})
    hub.add(REPO_ID, folder, branch="20231101")
    printed = run(hub_snippet(REPO_ID, "20231101"), folder.parent, hub)
    assert printed[0] == "1.000 Rayleigh scattering"
    assert not [served for served in hub.requests("/store/") if "/data/" in served.path]


def test_streaming_vectors_as_on_the_card_fetches_no_texts(hub, publish, table, run):
    noise = [secrets.token_hex(2**19) for _ in range(table.num_rows)]
    text = table.schema.get_field_index("text")
    noisy = table.set_column(text, table.schema.field(text), [noise])
    folder = publish(noisy, repo_id=REPO_ID)
    hub.add(REPO_ID, folder, branch="20231101")
    hub.add(REPO_ID, folder)
    (only_vectors,) = re.findall(
        r"^vectors = .*?^\)", python_blocks(folder)[0], re.DOTALL | re.MULTILINE
    )
    before = len(hub.served)
    run(
        f"from datasets import load_dataset\ndataset = {REPO_ID!r}\n{only_vectors}\n"
        "print(len(list(vectors)))",
        folder.parent,
        hub,
    )
    fetched = sum(served.body_bytes for served in hub.served[before:])
    assert 10_000 < fetched < 2**20, "each text is a megabyte"


def test_the_snippet_accepts_any_folder_name(tmp_path, publish, run):
    odd = tmp_path / 'Ada\'s "data" {0} é'
    odd.symlink_to(publish(), target_is_directory=True)
    printed = run(snippet(str(odd)), tmp_path)
    assert printed[0] == "1.000 Rayleigh scattering"
    assert len(printed) == 5
