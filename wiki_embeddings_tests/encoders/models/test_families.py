"""The families and sizes of the most common models, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.each_engine import cpu_encoder, each_engine
from wiki_embeddings_tests.encoders.numpy_bert import unit_vector
from wiki_embeddings_tests.encoders.references import (
    cosines,
    edit_json,
    reference_texts,
    reference_vectors,
    unpacked_xlmr,
)
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

TEXTS = ["", "snow", "Fresh snow reflects most of the sunlight.", "Ein Fluß; 河水流进大海。"]


@pytest.fixture
def xlmr(tmp_path: Path) -> Path:
    return unpacked_xlmr(tmp_path)


@each_engine
@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_an_xlmr_agrees_with_sentence_transformers(xlmr, load, kind, query):
    vectors = load(xlmr).encode_texts(reference_texts(), query=query)
    assert cosines(vectors, reference_vectors("tiny_xlmr", kind)).min() >= 0.9999


def test_the_first_positions_of_an_xlmr_are_unused(xlmr):
    model = resolve(xlmr)
    assert (model.require_bert().positions, model.require_bert().first_position) == (258, 2)
    assert model.max_length == 256
    edit_json(xlmr / "sentence_bert_config.json", max_seq_length=258)
    edit_json(xlmr / "tokenizer_config.json", model_max_length=None)
    assert resolve(xlmr).max_length == 256


@each_engine
def test_the_longest_text_of_an_xlmr_is_read_to_its_end(xlmr, load):
    model = resolve(xlmr)
    sequences = SequenceBuilder(model)
    frame = len(sequences.from_passages([np.empty(0, np.uint32)])[0])
    text = np.arange(5, 5 + model.max_length - frame, dtype=np.uint32)
    longest = load(xlmr).encode([text])
    sequence = sequences.from_passages([text])[0]
    assert len(sequence) == 256
    np.testing.assert_allclose(longest[0], unit_vector(model, sequence), atol=1e-5)


@each_engine
def test_a_bert_with_an_xlmr_tokenizer_starts_at_the_first_position(xlmr, load):
    """Like multilingual-e5-small, whose `model_type` is bert."""
    expected = load(xlmr).encode_texts(TEXTS)
    tensors = load_file(xlmr / "model.safetensors")
    positions = "embeddings.position_embeddings.weight"
    tensors[positions] = np.ascontiguousarray(tensors[positions][2:])
    save_file(tensors, xlmr / "model.safetensors")
    edit_json(xlmr / "config.json", model_type="bert", max_position_embeddings=256, pad_token_id=0)
    model = resolve(xlmr)
    assert (model.require_bert().first_position, model.max_length) == (0, 256)
    assert (model.special_tokens.cls, model.special_tokens.sep) == (0, 2)
    np.testing.assert_allclose(load(xlmr).encode_texts(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("prefix", ["roberta.", "bert."])
def test_tensors_of_a_model_with_a_head_are_found(xlmr, prefix):
    expected = cpu_encoder(xlmr).encode_texts(TEXTS)
    tensors = load_file(xlmr / "model.safetensors")
    with_head = {f"{prefix}{name}": tensor for name, tensor in tensors.items()}
    save_file({**with_head, "lm_head.bias": np.zeros(3, np.float32)}, xlmr / "model.safetensors")
    np.testing.assert_array_equal(cpu_encoder(xlmr).encode_texts(TEXTS), expected)


@each_engine
@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 12},
        {"num_hidden_layers": 6, "type_vocab_size": 1},
        {"num_hidden_layers": 2, "model_type": "roberta", "pad_token_id": 1},
        {"num_hidden_layers": 2, "num_attention_heads": 8, "layer_norm_eps": 1e-5},
    ],
)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_models_of_other_sizes_agree_with_bert_in_numpy(tmp_path, load, changes, pooling):
    folder = write_tiny_model(tmp_path / "tiny", **changes)
    edit_json(folder / "1_Pooling" / "config.json", pooling_mode=pooling)
    model = resolve(folder)
    expected = [
        unit_vector(model, ids) for ids in SequenceBuilder(model).from_texts(TEXTS, query=True)
    ]
    vectors = load(folder).encode_texts(TEXTS, query=True)
    assert cosines(vectors, np.array(expected)).min() >= 0.99999


@each_engine
def test_weights_in_half_precision_are_computed_in_float32(tmp_path, load):
    """Like gte-small's."""
    folder = write_tiny_model(tmp_path / "tiny", num_hidden_layers=3)
    tensors = load_file(folder / "model.safetensors")
    halves = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    save_file(halves, folder / "model.safetensors")
    model = resolve(folder)
    expected = [
        unit_vector(model, ids) for ids in SequenceBuilder(model).from_texts(TEXTS, query=True)
    ]
    assert cosines(load(folder).encode_texts(TEXTS), np.array(expected)).min() >= 0.99999


def test_a_tokenised_passage_gives_the_sequence_of_its_text_with_prefix(xlmr):
    sequences = SequenceBuilder(resolve(xlmr))
    backend = sequences._tokenizer
    texts = [text for text in reference_texts() if len(text) < 300]
    tokens = [
        np.array(backend.encode(text.strip(), add_special_tokens=False).ids, np.uint32)
        for text in texts
    ]
    together = sequences.from_texts(texts, query=False)
    framed = sequences.from_passages(tokens)
    assert [ids.tolist() for ids in framed] == [ids.tolist() for ids in together]
    frame = [0, *backend.encode("passage:", add_special_tokens=False).ids]
    assert all(ids[: len(frame)].tolist() == frame and ids[-1] == 2 for ids in framed)


def test_a_prefix_without_space_joins_the_first_word(xlmr):
    edit_json(xlmr / "config_sentence_transformers.json", prompts={"query": "q:"})
    sequences = SequenceBuilder(resolve(xlmr))
    ids = sequences.from_texts(["snow"], query=True)[0]
    assert ids[1:-1].tolist() == sequences._tokenizer.encode("q:snow", add_special_tokens=False).ids


@pytest.mark.parametrize("space", [" ", "\n", "\u3000", "\t \n"])
def test_white_space_around_a_text_is_ignored(xlmr, space):
    sequences = SequenceBuilder(resolve(xlmr))
    plain, padded, blank, empty = sequences.from_texts(
        ["the river", f"{space}the river{space}", space, ""], query=True
    )
    assert plain.tolist() == padded.tolist()
    assert blank.tolist() == empty.tolist()


@pytest.mark.parametrize("kind", ["RobertaProcessing", "BertProcessing"])
def test_the_special_tokens_are_those_of_the_post_processor(xlmr, kind):
    edit_json(xlmr / "tokenizer_config.json", cls_token="<unk>", sep_token="<unk>")
    assert resolve(xlmr).special_tokens.sep == 2
    processor = {"type": kind, "sep": ["<mask>", 721], "cls": ["<s>", 0]}
    edit_json(xlmr / "tokenizer.json", post_processor=processor)
    assert resolve(xlmr).special_tokens.sep == 721


def test_without_a_post_processor_the_special_tokens_are_those_of_the_configuration(xlmr):
    edit_json(xlmr / "tokenizer.json", post_processor=None)
    edit_json(xlmr / "tokenizer_config.json", sep_token={"content": "<unk>"})
    assert resolve(xlmr).special_tokens.sep == 3
    (xlmr / "tokenizer_config.json").unlink()
    special = resolve(xlmr).special_tokens
    assert (special.cls, special.pad, special.sep) == (0, 1, 2)


def test_a_special_token_on_one_side_only_is_refused(xlmr):
    processor = json.loads((xlmr / "tokenizer.json").read_text())["post_processor"]
    processor["single"] = processor["single"][:2]
    edit_json(xlmr / "tokenizer.json", post_processor=processor)
    with pytest.raises(BadInputError, match="not one token on each side"):
        resolve(xlmr)


def test_a_damaged_vocabulary_is_refused(xlmr):
    edit_json(xlmr / "tokenizer.json", model={"type": "Unigram", "vocab": ["<s>", "</s>"]})
    with pytest.raises(BadInputError, match="vocabulary is not in"):
        resolve(xlmr)


def test_a_first_position_beyond_the_last_is_refused(xlmr):
    edit_json(xlmr / "config.json", pad_token_id=257)
    with pytest.raises(BadInputError, match="first position 258"):
        resolve(xlmr)


def test_lower_casing_before_a_case_sensitive_tokenizer_is_refused(xlmr):
    edit_json(xlmr / "sentence_bert_config.json", do_lower_case=True)
    with pytest.raises(BadInputError, match="lower-cases text"):
        resolve(xlmr)


def test_lower_casing_is_accepted_if_the_tokenizer_does_it(tmp_path):
    """Like bge's."""
    folder = write_tiny_model(tmp_path / "tiny")
    edit_json(folder / "sentence_bert_config.json", do_lower_case=True)
    assert resolve(folder).max_length == 256
