"""Transformers that we do not compute: refused, or read for the engine `tei`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models import known
from wiki_embeddings.encoders.models.known import KNOWN_MODELS, KnownModel
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.tei.model_folder import write_model_folder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import sha256_of_file
from wiki_embeddings_tests.encoders.references import (
    TINY,
    copied_model,
    edit_json,
    reference_texts,
    unpacked_xlmr,
)
from wiki_embeddings_tests.encoders.tei.load_tei import load_tei

NAME = "some-lab/tiny-mpnet"

ADVICE = "Supported: BERT and XLM-R .* choose the engine tei"


@pytest.fixture
def mpnet(tmp_path: Path) -> Path:
    """A model of another architecture with BERT's tokenizer."""
    folder = copied_model(tmp_path)
    edit_json(folder / "config.json", model_type="mpnet", architectures=["MPNetModel"])
    return folder


def test_another_architecture_is_refused_with_the_advice_to_use_tei(mpnet):
    with pytest.raises(BadInputError, match=f"has model_type 'mpnet'. {ADVICE}"):
        resolve(mpnet)


def test_for_tei_everything_but_the_sizes_is_read(mpnet):
    model = resolve(mpnet, any_architecture=True)
    ours = resolve(TINY)
    assert (model.dimensions, model.vocab_size) == (ours.dimensions, ours.vocab_size)
    assert (model.pooling, model.max_length) == (ours.pooling, ours.max_length)
    assert model.special_tokens == ours.special_tokens
    assert model.weights_sha256 == ours.weights_sha256
    with pytest.raises(BadInputError, match="Only the engine tei"):
        _ = model.require_bert()


def test_sizes_are_found_under_other_names(mpnet):
    sizes = {"n_embd": 48, "hidden_size": None, "n_positions": 50, "max_position_embeddings": None}
    edit_json(mpnet / "config.json", model_type="nomic_bert", **sizes)
    model = resolve(mpnet, any_architecture=True)
    assert (model.dimensions, model.max_length) == (48, 50)


def test_for_tei_a_tokenizer_that_cannot_be_chunked_is_accepted(mpnet):
    content = json.loads((mpnet / "tokenizer.json").read_text())
    edit_json(mpnet / "tokenizer.json", model={**content["model"], "type": "BPE"})
    edit_json(mpnet / "config.json", model_type="modernbert")
    assert resolve(mpnet, any_architecture=True).special_tokens == resolve(TINY).special_tokens
    edit_json(mpnet / "config.json", model_type="bert")
    with pytest.raises(BadInputError, match="tokenizer of type BPE, not WordPiece or Unigram"):
        resolve(mpnet)


def test_for_tei_truncated_weights_are_refused(mpnet):
    weights = mpnet / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BadInputError, match="cannot be used"):
        resolve(mpnet, any_architecture=True)


def test_tei_reads_another_architecture_as_published(mpnet):
    folder = write_model_folder(resolve(mpnet, any_architecture=True))
    config = json.loads((folder / "config.json").read_text())
    shutil.rmtree(folder)
    assert (config["model_type"], config["architectures"]) == ("mpnet", ["MPNetModel"])


def test_tei_reads_a_published_xlmr_without_its_head(tmp_path):
    model = unpacked_xlmr(tmp_path)
    edit_json(model / "config.json", architectures=["XLMRobertaForSequenceClassification"])
    folder = write_model_folder(resolve(model))
    config = json.loads((folder / "config.json").read_text())
    shutil.rmtree(folder)
    assert config["architectures"] == ["XLMRobertaModel"]


@pytest.mark.usefixtures("tei")
def test_the_vectors_of_an_xlmr_by_tei_agree_with_the_engine_cpu(tmp_path):
    model = unpacked_xlmr(tmp_path)
    texts = [text for text in reference_texts() if "\0" not in text]
    with load_tei(model) as encoder:
        vectors = encoder.encode_texts(texts)
    expected = encoders.load(model, "cpu").encode_texts(texts)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_another_architecture_is_fetched_from_the_hub_only_for_tei(hub, mpnet, tmp_path):
    hub.add(NAME, mpnet, repo_type="model")
    with pytest.raises(BadInputError, match=ADVICE):
        resolve(NAME, models_folder=tmp_path / "models")
    assert not list((tmp_path / "models").rglob("*.safetensors"))
    model = resolve(NAME, models_folder=tmp_path / "models", any_architecture=True)
    assert model.bert is None
    assert (model.folder / "model.safetensors").is_file()
    with pytest.raises(BadInputError, match=ADVICE):
        resolve(NAME, model.revision, models_folder=tmp_path / "models")


def test_weights_with_another_digest_are_refused_at_the_pinned_commit(hub, tmp_path, monkeypatch):
    commit = hub.add(NAME, TINY, repo_type="model")
    digest = sha256_of_file(TINY / "model.safetensors")
    monkeypatch.setitem(known.KNOWN_MODELS, NAME, KnownModel(commit, digest))
    assert resolve(NAME, models_folder=tmp_path).weights_sha256 == digest
    monkeypatch.setitem(known.KNOWN_MODELS, NAME, KnownModel(commit, "0" * 64))
    with pytest.raises(BadInputError, match=f"SHA-256 is {digest}, not {'0' * 64}"):
        resolve(NAME, models_folder=tmp_path)


def test_the_most_common_models_are_known():
    expected = {
        "BAAI/bge-small-en-v1.5": ("Represent this sentence", ""),
        "BAAI/bge-base-en-v1.5": ("Represent this sentence", ""),
        "BAAI/bge-large-en-v1.5": ("Represent this sentence", ""),
        "intfloat/e5-small-v2": ("query: ", "passage: "),
        "intfloat/e5-base-v2": ("query: ", "passage: "),
        "intfloat/multilingual-e5-small": ("query: ", "passage: "),
        "sentence-transformers/all-MiniLM-L6-v2": ("", ""),
        "sentence-transformers/all-MiniLM-L12-v2": ("", ""),
        "thenlper/gte-small": ("", ""),
    }
    assert expected.keys() <= KNOWN_MODELS.keys()
    for name, (query, passage) in expected.items():
        assert KNOWN_MODELS[name].query_prefix.startswith(query)
        assert bool(KNOWN_MODELS[name].query_prefix) == bool(query)
        assert KNOWN_MODELS[name].passage_prefix == passage
