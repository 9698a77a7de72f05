"""Weights as they are published, beside those that sentence-transformers writes today."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors import TensorSpec, serialize_file
from safetensors.numpy import load_file, save_file

from wiki_embeddings import encoders
from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.tei.model_folder import write_model_folder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.stages import chunk
from wiki_embeddings.volume import Volume, sha256_of_file
from wiki_embeddings_tests.encoders.each_engine import cpu_encoder, cuda_encoder, each_engine
from wiki_embeddings_tests.encoders.references import TINY, copied_model, cosines, edit_json
from wiki_embeddings_tests.standins.hub import LocalHub
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

TEXTS = ["", "snow", "Fresh snow reflects most of the sunlight."]

Tensors = Mapping[str, npt.NDArray[np.floating[Any]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied_model(tmp_path)


@pytest.fixture(scope="module")
def expected() -> npt.NDArray[np.float32]:
    return cpu_encoder(TINY).encode_texts(TEXTS)


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    file = folder / "model.safetensors"
    save_file(dict(change(load_file(file))), file)


def old_name(name: str) -> str:
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


def shard(folder: Path) -> list[Path]:
    """Cut the weights into two files with an index, as transformers cuts those of large models."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = [names[::2], names[1::2]]
    files = [folder / f"model-{n:05d}-of-00002.safetensors" for n in (1, 2)]
    for file, part in zip(files, parts, strict=True):
        save_file({name: tensors[name] for name in part}, file)
    weight_map = {name: file.name for file, part in zip(files, parts, strict=True) for name in part}
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return files


def save_bfloat16(folder: Path) -> None:
    """Save the weights in half of float32's bits, a type that NumPy does not have."""
    tensors = load_file(folder / "model.safetensors")
    halves = {name: (t.view(np.uint32) >> 16).astype(np.uint16) for name, t in tensors.items()}
    specs = {
        name: TensorSpec(
            dtype="bfloat16", shape=half.shape, data_ptr=half.ctypes.data, data_len=half.nbytes
        )
        for name, half in halves.items()
    }
    serialize_file(specs, folder / "model.safetensors")


def move_transformer(folder: Path, name: str) -> None:
    """Move the transformer's files into a folder of their own, as in old models."""
    (folder / name).mkdir()
    for file in [path for path in folder.iterdir() if path.is_file()]:
        if file.name not in {"modules.json", "config_sentence_transformers.json"}:
            file.rename(folder / name / file.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = name
    (folder / "modules.json").write_text(json.dumps(modules))


@each_engine
@pytest.mark.parametrize("prefix", ["", "bert."])
def test_tensors_may_have_the_names_of_the_first_berts(folder, expected, load, prefix):
    """Like google-bert/bert-base-uncased, and all that was converted from it."""
    rewrite(folder, lambda tensors: {prefix + old_name(name): t for name, t in tensors.items()})
    np.testing.assert_allclose(load(folder).encode_texts(TEXTS), expected, atol=1e-5)


def test_old_and_new_names_may_be_mixed(folder, expected):
    rewrite(
        folder,
        lambda tensors: {old_name(n) if "layer.1" in n else n: t for n, t in tensors.items()},
    )
    np.testing.assert_array_equal(cpu_encoder(folder).encode_texts(TEXTS), expected)


@each_engine
def test_weights_in_float64_are_computed_in_float32(folder, expected, load):
    rewrite(folder, lambda tensors: {n: t.astype(np.float64) for n, t in tensors.items()})
    np.testing.assert_allclose(load(folder).encode_texts(TEXTS), expected, atol=1e-5)


@each_engine
def test_weights_in_bfloat16_are_computed_in_float32(folder, expected, load):
    save_bfloat16(folder)
    vectors = load(folder).encode_texts(TEXTS)
    assert cosines(vectors, expected).min() >= 0.99
    truncated = load_file(TINY / "model.safetensors")
    for tensor in truncated.values():
        tensor.view(np.uint32)[...] &= 0xFFFF0000
    save_file(truncated, folder / "model.safetensors")
    np.testing.assert_allclose(vectors, load(folder).encode_texts(TEXTS), atol=1e-6)


@each_engine
def test_weights_in_several_files_are_read_by_their_index(folder, expected, load):
    shard(folder)
    np.testing.assert_allclose(load(folder).encode_texts(TEXTS), expected, atol=1e-5)


def test_weights_in_several_files_are_told_from_others(folder):
    whole = resolve(folder).weights_sha256
    files = shard(folder)
    before = resolve(folder)
    assert len(before.weights_sha256) == 64
    assert before.weights_sha256 not in {whole, *map(sha256_of_file, files)}
    assert before.revision == f"sha256:{before.weights_sha256}"
    save_file({n: t + 1 for n, t in load_file(files[1]).items()}, files[1])
    assert resolve(folder).revision != before.revision


def test_one_file_takes_precedence_over_several(folder):
    revision = resolve(folder).revision
    whole = (folder / "model.safetensors").read_bytes()
    shard(folder)
    (folder / "model.safetensors").write_bytes(whole)
    assert resolve(folder).revision == revision


def test_a_missing_file_of_several_is_named(folder):
    shard(folder)[1].unlink()
    with pytest.raises(BadInputError, match=r"has no model-00002-of-00002\.safetensors"):
        resolve(folder)


@pytest.mark.parametrize(
    "names", [None, {}, {"a": "../model.safetensors"}, {"a": "pytorch_model.bin"}]
)
def test_a_damaged_index_is_refused(folder, names):
    shard(folder)
    edit_json(folder / "model.safetensors.index.json", weight_map=names)
    with pytest.raises(BadInputError, match=r"index\.json cannot be used"):
        resolve(folder)


def test_tei_is_given_all_files_of_the_weights(folder):
    edit_json(folder / "config.json", hidden_act="gelu_python")
    files = shard(folder)
    served = write_model_folder(resolve(folder))
    names = {path.name for path in served.iterdir()}
    assert {"model.safetensors.index.json", *(file.name for file in files)} <= names
    assert json.loads((served / "config.json").read_text())["hidden_act"] == "gelu"


@each_engine
def test_the_former_name_of_gelu_is_accepted(folder, expected, load):
    edit_json(folder / "config.json", hidden_act="gelu_python")
    np.testing.assert_allclose(load(folder).encode_texts(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["0_Transformer", "0_BERT"])
def test_a_transformer_may_have_a_folder_of_its_own(folder, expected, name):
    move_transformer(folder, name)
    model = resolve(folder)
    assert (model.max_length, model.pooling, model.folder) == (64, "cls", folder / name)
    assert (model.query_prefix, model.passage_prefix) == ("query: ", "passage: ")
    np.testing.assert_array_equal(cpu_encoder(folder).encode_texts(TEXTS), expected)


@pytest.mark.parametrize("path", ["../elsewhere", "/etc", "a/../../b"])
@pytest.mark.parametrize("module", [0, 1])
def test_a_module_outside_of_the_model_is_refused(folder, path, module):
    modules = json.loads((folder / "modules.json").read_text())
    modules[module]["path"] = path
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInputError, match="leads out of the model's folder"):
        resolve(folder)


@pytest.mark.parametrize("files", ["folder", "shards", "both"])
def test_the_hub_has_them_too(hub: LocalHub, folder, expected, files, tmp_path):
    if files != "folder":
        shard(folder)
    if files != "shards":
        move_transformer(folder, "0_Transformer")
    (folder / "pytorch_model.bin").write_bytes(b"other")
    commit = hub.add("some-lab/old", folder, repo_type="model")
    models = tmp_path / "models"
    encoder = encoders.load("some-lab/old", "cpu", precision="float32", models_folder=models)
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS), expected)
    requests = len(hub.served)
    again = resolve("some-lab/old", commit, models_folder=models)
    assert len(hub.served) == requests
    assert again.weights_sha256 == encoder.info.weights_sha256
    assert not list(models.rglob("pytorch_model.bin"))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_weights_that_are_not_finite_are_refused(folder, value, precision):
    def damage(tensors: Tensors) -> Tensors:
        tensors["encoder.layer.1.output.dense.weight"][3, 4] = value
        return tensors

    rewrite(folder, damage)
    told = r"encoder\.layer\.1\.output\.dense\.weight has numbers that are NaN or too large"
    with pytest.raises(BadInputError, match=told):
        encoders.load(folder, "cpu", precision=precision)
    with pytest.raises(BadInputError, match=told):
        cuda_encoder(folder)


def test_weights_too_large_for_float32_are_refused(folder):
    rewrite(folder, lambda tensors: {n: t.astype(np.float64) * 1e60 for n, t in tensors.items()})
    with pytest.raises(BadInputError, match="NaN or too large"):
        cpu_encoder(folder)


def test_weights_that_are_not_finite_are_refused_before_articles_are_cut(tmp_path):
    folder = write_tiny_model(tmp_path / "model")

    def damage(tensors: Tensors) -> Tensors:
        tensors["embeddings.LayerNorm.bias"][0] = np.nan
        return tensors

    rewrite(folder, damage)
    volume: Volume = Volume(tmp_path / "volume")
    with pytest.raises(BadInputError, match="NaN or too large"):
        chunk.prepare(volume, str(folder), None, 128, True, "cpu")


def encode(encoder: Encoder) -> npt.NDArray[np.float32]:
    return encoder.encode([np.array([5, 6, 7])])


def test_values_that_overflow_between_layers_are_refused(folder):
    rewrite(folder, lambda tensors: {n: t * np.float32(1e25) for n, t in tensors.items()})
    encoder = cpu_encoder(folder)
    for call in (encode, lambda it: it.encode_texts(["snow"])):
        with pytest.raises(BadInputError, match=r"are not finite: values between its layers"):
            call(encoder)


def test_values_that_overflow_in_calibration_are_refused(folder):
    rewrite(folder, lambda tensors: {n: t * np.float32(1e37) for n, t in tensors.items()})
    with pytest.raises(BadInputError, match="cannot be quantized"):
        encoders.load(folder, "cpu", precision="int8")
