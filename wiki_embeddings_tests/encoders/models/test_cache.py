from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models import known
from wiki_embeddings.encoders.models.known import KnownModel
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings_tests.encoders.references import (
    TINY,
    copied_model,
    edit_json,
    reference_texts,
    reference_vectors,
)
from wiki_embeddings_tests.standins.hub import LocalHub

NAME = "some-lab/tiny-bert"


@pytest.fixture
def commit(hub: LocalHub) -> str:
    return hub.add(NAME, TINY, repo_type="model")


def test_a_model_from_the_hub_encodes_like_the_same_folder(commit, monkeypatch, tmp_path):
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path))
    encoder = encoders.load(NAME, "cpu")
    assert (encoder.info.model, encoder.info.revision) == (NAME, commit)
    vectors = encoder.encode_texts(reference_texts(), query=True)
    np.testing.assert_allclose(vectors, reference_vectors("tiny_cls", "queries"), atol=1e-5)
    assert (tmp_path / "models" / "some-lab--tiny-bert" / commit / "model.safetensors").is_file()


@pytest.mark.usefixtures("commit")
def test_a_cached_commit_is_used_without_the_hub(hub, tmp_path):
    fetched = resolve(NAME, models_folder=tmp_path)
    requests = len(hub.served)
    assert resolve(NAME, fetched.revision, models_folder=tmp_path) == fetched
    assert len(hub.served) == requests


def test_a_branch_is_followed_to_its_newest_commit(hub, commit, tmp_path):
    resolve(NAME, models_folder=tmp_path)
    files = {path: path.read_bytes() for path in TINY.rglob("*") if path.is_file()}
    newer = hub.add(
        NAME,
        {path.relative_to(TINY).as_posix(): content for path, content in files.items()},
        repo_type="model",
    )
    assert newer != commit
    assert resolve(NAME, models_folder=tmp_path).revision == newer


def test_a_branch_without_the_hub_is_refused_with_the_cached_commits(commit, tmp_path, monkeypatch):
    resolve(NAME, models_folder=tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between its attempts
    with pytest.raises(WikiEmbeddingsError, match=f"as the revision: {commit}"):
        resolve(NAME, models_folder=tmp_path)


def test_a_known_model_has_its_pinned_commit_and_prefixes(hub, commit, tmp_path, monkeypatch):
    pinned = KnownModel(commit, query_prefix="ask: ", passage_prefix="")
    monkeypatch.setitem(known.KNOWN_MODELS, NAME, pinned)
    edited = copied_model(tmp_path)
    edit_json(edited / "config_sentence_transformers.json", prompts={"query": "newer: "})
    hub.add(NAME, edited, repo_type="model")
    model = resolve(NAME, models_folder=tmp_path / "models")
    assert model.revision == commit
    assert (model.query_prefix, model.passage_prefix) == ("ask: ", "")


def test_only_settings_tokenizer_and_safetensors_are_fetched(hub, tmp_path):
    folder = copied_model(tmp_path)
    for other in ("pytorch_model.bin", "README.md", "onnx/model.onnx", "modeling_custom.py"):
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_bytes(b"other")
    hub.add(NAME, folder, repo_type="model")
    model = resolve(NAME, models_folder=tmp_path / "models")
    names = {path.name for path in model.folder.rglob("*") if not path.name.endswith(".lock")}
    assert not names & {"pytorch_model.bin", "README.md", "model.onnx", "modeling_custom.py"}
    assert {"config.json", "tokenizer.json", "model.safetensors", "1_Pooling"} <= names


def test_an_unsupported_model_is_refused_before_its_weights_are_fetched(hub, tmp_path):
    folder = copied_model(tmp_path)
    edit_json(folder / "config.json", model_type="mpnet")
    hub.add(NAME, folder, repo_type="model")
    with pytest.raises(BadInputError, match="'mpnet'"):
        resolve(NAME, models_folder=tmp_path / "models")
    assert not hub.requests("model.safetensors")


def test_a_model_with_only_pickled_weights_is_refused(hub, tmp_path):
    folder = copied_model(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub.add(NAME, folder, repo_type="model")
    with pytest.raises(BadInputError, match=r"publishes no model\.safetensors"):
        resolve(NAME, models_folder=tmp_path / "models")
    assert not hub.requests("pytorch_model.bin")


@pytest.mark.usefixtures("hub")
def test_an_unknown_model_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="nobody/nothing"):
        resolve("nobody/nothing", models_folder=tmp_path)


@pytest.mark.usefixtures("commit")
def test_an_unknown_revision_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="v9"):
        resolve(NAME, "v9", models_folder=tmp_path)


def test_an_interrupted_fetch_is_resumed_and_not_used_before(hub, commit, tmp_path):
    hub.fail("model.safetensors", 403, times=1)
    with pytest.raises(WikiEmbeddingsError):
        resolve(NAME, models_folder=tmp_path)
    before = hub.body_bytes("tokenizer.json")
    assert resolve(NAME, models_folder=tmp_path).revision == commit
    assert hub.body_bytes("tokenizer.json") == before


def test_files_that_changed_since_they_were_fetched_are_refused(commit, tmp_path):
    weights = resolve(NAME, models_folder=tmp_path).folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(WikiEmbeddingsError, match="no longer the file that was fetched"):
        resolve(NAME, commit, models_folder=tmp_path)


def test_pinned_commits_are_full_and_prefixes_match_the_model_cards():
    for name, model in known.KNOWN_MODELS.items():
        assert len(model.revision) == 40, name
        assert int(model.revision, 16), name
        assert bool(model.passage_prefix) == ("e5-" in name)
        assert bool(model.query_prefix) == ("e5-" in name or "/bge-" in name)


@pytest.mark.usefixtures("commit")
def test_fetched_files_are_listed_with_their_digests(tmp_path):
    folder: Path = resolve(NAME, models_folder=tmp_path).folder
    listed = json.loads((folder / "files.json").read_text())
    assert listed.keys() >= {"config.json", "tokenizer.json", "model.safetensors"}
