"""The weights of a BERT encoder: checked by the header of their file, read as float32.

Only safetensors: nothing in that format can run code. Other engines read the same tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from wiki_embeddings.encoders.models.config import BertShape
from wiki_embeddings.errors import BadInputError

WEIGHTS = "model.safetensors"

_DTYPES = frozenset({"F32", "F16"})

_PREFIXES = ("", "bert.", "roberta.")
"""Before each name: mostly nothing, something where the file holds a model with a head."""


def tensor_shapes(shape: BertShape) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor that an encoder needs, named as transformers does."""
    hidden, wide = shape.hidden_size, shape.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (shape.vocab_size, hidden),
        "embeddings.position_embeddings.weight": (shape.positions, hidden),
        "embeddings.token_type_embeddings.weight": (shape.token_types, hidden),
        **_norm("embeddings.LayerNorm", hidden),
    }
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _linear(f"{layer}.attention.{part}", hidden, hidden)
        shapes |= _norm(f"{layer}.attention.output.LayerNorm", hidden)
        shapes |= _linear(f"{layer}.intermediate.dense", wide, hidden)
        shapes |= _linear(f"{layer}.output.dense", hidden, wide)
        shapes |= _norm(f"{layer}.output.LayerNorm", hidden)
    return shapes


def check_weights(file: Path, shape: BertShape | None) -> None:
    """Checks that a file holds every tensor of an encoder, without reading their values.

    Of an encoder without shape, which is not ours to compute, only that the file is whole.

    Raises:
        BadInputError: The file is missing, damaged or cut short, or a tensor is missing or has
            another shape or type than expected.
    """
    with _opened(file) as opened:
        prefix = _prefix(opened.keys())
        names = set(opened.keys())
        for name, expected in (tensor_shapes(shape) if shape else {}).items():
            if prefix + name not in names:
                raise _unusable(file, f"it lacks the tensor {name}")
            tensor = opened.get_slice(prefix + name)
            if tuple(tensor.get_shape()) != expected:
                found = tuple(tensor.get_shape())
                raise _unusable(file, f"{name} has shape {found}, not {expected}")
            if tensor.get_dtype() not in _DTYPES:
                raise _unusable(file, f"{name} is {tensor.get_dtype()}, not float32 or float16")


def read_weights(file: Path, shape: BertShape) -> Mapping[str, npt.NDArray[np.float32]]:
    """Reads the tensors of an encoder, named as in `tensor_shapes`.

    Raises:
        BadInputError: As for `check_weights`.
    """
    check_weights(file, shape)
    with _opened(file) as opened:
        prefix = _prefix(opened.keys())
        return {
            name: opened.get_tensor(prefix + name).astype(np.float32, copy=False)
            for name in tensor_shapes(shape)
        }


def _linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _prefix(names: Iterable[str]) -> str:
    found = {name.partition("embeddings.")[0] for name in names}
    return next((prefix for prefix in _PREFIXES if prefix in found), "")


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    if not file.is_file():
        raise BadInputError(
            f"{file.parent} has no {file.name}. Weights are read from safetensors only: choose a "
            "model that publishes them, or convert it with its author's tools."
        )
    try:
        with safe_open(file, framework="numpy") as opened:
            yield opened
    except SafetensorError as error:
        raise _unusable(file, f"{error}") from error


def _unusable(file: Path, reason: str) -> BadInputError:
    return BadInputError(f"The weights {file} cannot be used: {reason}. Fetch the model again.")
