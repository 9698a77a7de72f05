"""The weights of a BERT encoder: checked by their file's header, read as float32.

Only safetensors: nothing in that format can run code. Importing this loads no NumPy, because a plan
only checks the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[np.float32]"

Weights: TypeAlias = "Mapping[str, npt.NDArray[np.float32]]"
"""Tensors of an encoder by the names in `tensor_shapes`."""

WEIGHTS = "model.safetensors"

_DTYPES = frozenset({"F32", "F16"})

_PREFIXES = ("", "bert.", "roberta.")
"""What precedes each tensor's name: usually nothing, more if the file has a model with a head."""

_PROJECTIONS = ("query", "key", "value")


def tensor_shapes(bert: BertConfig) -> dict[str, tuple[int, ...]]:
    """Return the name, as in transformers, and the shape of each tensor that an encoder needs."""
    hidden, wide = bert.hidden_size, bert.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (bert.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (bert.positions, hidden),
        "embeddings.token_type_embeddings.weight": (bert.token_types, hidden),
        **_norm("embeddings.LayerNorm", hidden),
    }
    for number in range(bert.layers):
        layer = f"encoder.layer.{number}"
        for part in (*(f"self.{name}" for name in _PROJECTIONS), "output.dense"):
            shapes |= _linear(f"{layer}.attention.{part}", hidden, hidden)
        shapes |= _norm(f"{layer}.attention.output.LayerNorm", hidden)
        shapes |= _linear(f"{layer}.intermediate.dense", wide, hidden)
        shapes |= _linear(f"{layer}.output.dense", hidden, wide)
        shapes |= _norm(f"{layer}.output.LayerNorm", hidden)
    return shapes


def check_weights(file: Path, bert: BertConfig | None) -> None:
    """Check that a file has every tensor of an encoder, without reading their values.

    Without sizes, for an encoder that we do not compute, check only that the file is whole.

    Raises:
        BadInputError: The file is missing, damaged or truncated, or a tensor is missing or has
            another shape or dtype than expected.
    """
    with _open(file) as opened:
        prefix = _prefix(opened.keys())
        names = set(opened.keys())
        for name, expected in (tensor_shapes(bert) if bert else {}).items():
            if prefix + name not in names:
                raise _unusable(file, f"it lacks the tensor {name}")
            tensor = opened.get_slice(prefix + name)
            shape = tuple(tensor.get_shape())
            if shape != expected:
                raise _unusable(file, f"{name} has shape {shape}, not {expected}")
            if tensor.get_dtype() not in _DTYPES:
                raise _unusable(file, f"{name} is {tensor.get_dtype()}, not float32 or float16")


def read_weights(file: Path, bert: BertConfig) -> Weights:
    """Read the tensors of an encoder.

    Raises:
        BadInputError: As for `check_weights`.
    """
    check_weights(file, bert)
    with _open(file) as opened:
        prefix = _prefix(opened.keys())
        return {
            name: opened.get_tensor(prefix + name).astype("float32", copy=False)
            for name in tensor_shapes(bert)
        }


def linear_layer(weights: Weights, name: str) -> tuple[Array, Array]:
    """Return the weight, of shape `(outputs, inputs)`, and the bias, `(outputs,)`, of a layer.

    Query, key and value of an attention read the same input, so they are one: `….attention.self`.

    Args:
        weights: Tensors of the encoder.
        name: `encoder.layer.N.` followed by `attention.self`, `attention.output.dense`,
            `intermediate.dense` or `output.dense`.
    """
    import numpy as np

    names = [f"{name}.{part}" for part in _PROJECTIONS] if name.endswith(".self") else [name]
    weight = np.concatenate([weights[f"{part}.weight"] for part in names])
    return weight, np.concatenate([weights[f"{part}.bias"] for part in names])


def position_table(weights: Weights, bert: BertConfig) -> Array:
    """Return the position embeddings of a text with the token type's embedding added.

    A text is one segment, so each of its tokens has type 0.
    """
    positions = weights["embeddings.position_embeddings.weight"][bert.first_position :]
    table: Array = positions + weights["embeddings.token_type_embeddings.weight"][0]
    return table


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _prefix(names: Iterable[str]) -> str:
    found = {name.partition("embeddings.")[0] for name in names}
    return next((prefix for prefix in _PREFIXES if prefix in found), "")


@contextmanager
def _open(file: Path) -> Iterator[Any]:
    if not file.is_file():
        raise BadInputError(
            f"{file.parent} has no {file.name}. Weights are read from safetensors only: choose a "
            "model that publishes them, or convert it with its author's tools."
        )
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            yield opened
    except SafetensorError as error:
        raise _unusable(file, f"{error}") from error


def _unusable(file: Path, reason: str) -> BadInputError:
    return BadInputError(f"The weights {file} cannot be used: {reason}. Fetch the model again.")
