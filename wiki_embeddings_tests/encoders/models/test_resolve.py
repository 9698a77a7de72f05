from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import sha256_of_file
from wiki_embeddings_tests.encoders.references import TINY, copied_model, edit_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_model(tmp_path)


def rewrite_weights(folder, change):
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file)


def test_the_default_is_the_bundled_model_and_needs_no_network(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    model = resolve()
    assert model.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert (model.dimensions, model.vocab_size, model.max_length) == (384, 30522, 256)
    assert resolve(model.name, model.revision) == model


def test_the_configuration_of_a_folder_is_read():
    model = resolve(TINY)
    assert model.name == str(TINY)
    assert model.pooling == "cls"
    assert (model.dimensions, model.max_length) == (48, 64)
    assert (model.query_prefix, model.passage_prefix) == ("query: ", "passage: ")
    assert model.weights_sha256 == sha256_of_file(TINY / "model.safetensors")
    assert model.tokenizer_sha256 == sha256_of_file(TINY / "tokenizer.json")
    vocabulary = json.loads(model.read_tokenizer())["model"]["vocab"]
    special = model.special_tokens
    assert [special.cls, special.sep] == [vocabulary["[CLS]"], vocabulary["[SEP]"]]


def test_name_and_revision_of_a_folder_resolve_to_it_again(monkeypatch):
    monkeypatch.chdir(TINY.parent)
    model = resolve(TINY.name)
    monkeypatch.chdir("/")
    assert resolve(model.name, model.revision) == model


def test_a_folder_whose_weights_have_changed_is_refused(folder):
    revision = resolve(folder).revision
    rewrite_weights(folder, lambda tensors: {name: t + 1 for name, t in tensors.items()})
    with pytest.raises(BadInputError, match="changed since"):
        resolve(folder, revision)


@pytest.mark.parametrize("name", ["no-such-model", "https://example.org/a", "a/b/c", "a b/c"])
def test_a_name_that_cannot_be_a_model_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInputError, match="neither a folder here nor a name on the Hub"):
        resolve(name)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(BadInputError, match="neither a folder here"):
        resolve(tmp_path / "missing")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_required_file_is_refused(folder, file):
    (folder / file).unlink()
    with pytest.raises(BadInputError, match=f"has no {file}"):
        resolve(folder)


def test_pickled_weights_are_never_read(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadInputError, match="safetensors only"):
        resolve(folder)


@pytest.mark.parametrize(
    "kind", ["distilbert", "modernbert", "mpnet", "new", "nomic_bert", "qwen3", None]
)
def test_other_architectures_are_refused_with_the_supported_ones(folder, kind):
    edit_json(folder / "config.json", model_type=kind)
    with pytest.raises(BadInputError, match=f"model_type {kind!r}.*Supported: BERT"):
        resolve(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embedding_type", "relative_key_query"),
        ("hidden_act", "gelu_new"),
        ("hidden_act", "relu"),
        ("is_decoder", True),
    ],
)
def test_variants_that_would_be_computed_wrongly_are_refused(folder, key, value):
    edit_json(folder / "config.json", **{key: value})
    with pytest.raises(BadInputError, match=key):
        resolve(folder)


@pytest.mark.parametrize(("key", "value"), [("hidden_size", None), ("num_hidden_layers", "two")])
def test_sizes_that_are_missing_or_not_numbers_are_refused(folder, key, value):
    edit_json(folder / "config.json", **{key: value})
    with pytest.raises(BadInputError, match=key):
        resolve(folder)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("config.json", {"layer_norm_eps": "tiny"}),
        ("sentence_bert_config.json", {"max_seq_length": "long"}),
        ("sentence_bert_config.json", {"max_seq_length": 2}),
        ("tokenizer_config.json", {"model_max_length": float("nan")}),
        ("tokenizer_config.json", {"model_max_length": [512]}),
        ("config_sentence_transformers.json", {"prompts": ["query: "]}),
    ],
)
def test_settings_of_the_wrong_type_are_refused_with_their_file(folder, file, changes):
    edit_json(folder / file, **changes)
    with pytest.raises(BadInputError, match=file):
        resolve(folder)


def test_heads_that_do_not_divide_the_dimensions_are_refused(folder):
    edit_json(folder / "config.json", num_attention_heads=7)
    with pytest.raises(BadInputError, match="7 attention heads"):
        resolve(folder)


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["{ not JSON", "3"])
def test_damaged_settings_are_refused_with_their_file(folder, file, content):
    (folder / file).write_text(content)
    with pytest.raises(BadInputError, match=file):
        resolve(folder)


@pytest.mark.parametrize("kind", ["BPE", "WordLevel", None])
def test_a_tokenizer_of_another_type_is_refused(folder, kind):
    edit_json(folder / "tokenizer.json", model={"type": kind, "vocab": {}})
    with pytest.raises(BadInputError, match=f"of type {kind}, not WordPiece or Unigram"):
        resolve(folder)


def test_a_tokenizer_without_special_tokens_is_refused(folder):
    content = json.loads((folder / "tokenizer.json").read_text())
    del content["model"]["vocab"]["[SEP]"]
    content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] != "[SEP]"]
    (folder / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(BadInputError, match=r"lacks \[SEP\]"):
        resolve(folder)


def test_a_tokenizer_of_a_larger_model_is_refused(folder):
    edit_json(folder / "config.json", vocab_size=100)
    with pytest.raises(BadInputError, match="beyond the 100"):
        resolve(folder)


@pytest.mark.parametrize("pooling", ["max", ["mean", "cls"], "lasttoken"])
def test_another_pooling_is_refused(folder, pooling):
    edit_json(folder / "1_Pooling" / "config.json", pooling_mode=pooling)
    with pytest.raises(BadInputError, match="pools by"):
        resolve(folder)


@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_the_pooling_is_also_read_in_the_format_of_older_versions(folder, mode):
    flags = {"pooling_mode_cls_token": mode == "cls", "pooling_mode_mean_tokens": mode == "mean"}
    edit_json(folder / "1_Pooling" / "config.json", pooling_mode=None, **flags)
    assert resolve(folder).pooling == mode


def test_a_model_that_leaves_its_prompt_out_of_the_pooling_is_refused(folder):
    edit_json(folder / "1_Pooling" / "config.json", include_prompt=False)
    with pytest.raises(BadInputError, match="prompt"):
        resolve(folder)


def test_an_unsupported_module_is_refused(folder):
    modules = json.loads((folder / "modules.json").read_text())
    modules[2]["type"] = "sentence_transformers.models.Dense"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInputError, match="Dense"):
        resolve(folder)


def test_a_model_without_pooling_is_refused(folder):
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:1]))
    with pytest.raises(BadInputError, match="no pooling"):
        resolve(folder)


def test_a_plain_transformer_has_mean_pooling_as_in_sentence_transformers(folder):
    (folder / "modules.json").unlink()
    assert resolve(folder).pooling == "mean"


def test_the_stated_length_takes_precedence_over_the_tokenizers(folder):
    edit_json(folder / "sentence_bert_config.json", max_seq_length=40)
    assert resolve(folder).max_length == 40


def test_the_length_is_at_most_the_number_of_positions(folder):
    edit_json(folder / "tokenizer_config.json", model_max_length=10**30)
    assert resolve(folder).max_length == 64


@pytest.mark.parametrize("size", [4, 1000, -100])
def test_truncated_weights_are_refused(folder, size):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(BadInputError, match=r"model\.safetensors cannot be used"):
        resolve(folder)


def test_a_missing_tensor_is_named(folder):
    missing = "encoder.layer.1.output.dense.bias"
    rewrite_weights(folder, lambda tensors: {n: t for n, t in tensors.items() if n != missing})
    with pytest.raises(BadInputError, match=f"lacks the tensor {missing}"):
        resolve(folder)


def test_a_tensor_of_another_shape_is_refused(folder):
    edit_json(folder / "config.json", intermediate_size=81)
    with pytest.raises(BadInputError, match=r"has shape \(80, 48\), not \(81, 48\)"):
        resolve(folder)


def test_a_tensor_of_another_dtype_is_refused(folder):
    rewrite_weights(folder, lambda tensors: {n: t.astype(np.int32) for n, t in tensors.items()})
    with pytest.raises(BadInputError, match="I32, not BF16 or F16 or F32 or F64"):
        resolve(folder)
