"""The weights of a BERT encoder: checked by their files' headers, read as float32.

Only safetensors: nothing in that format can run code. A large model may be cut into several files,
with an index that names the file of each tensor. Importing this loads no NumPy, because a plan only
checks the headers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.json_files import damaged_file, read_json_object
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import canonical_json, sha256_of, sha256_of_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Array: TypeAlias = "npt.NDArray[np.float32]"

Weights: TypeAlias = "Mapping[str, npt.NDArray[np.float32]]"
"""Tensors of an encoder by the names in `tensor_shapes`."""

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

_BFLOAT16 = "BF16"
_DTYPES = frozenset({"F64", "F32", "F16", _BFLOAT16})

_PREFIXES = ("", "bert.", "roberta.")
"""What precedes each tensor's name: usually nothing, more if the file has a model with a head."""

_OLD_NAMES = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
"""Ends of tensors' names, and what they were in the first BERT models."""

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


def weight_files(folder: Path) -> list[Path]:
    """Return the files of a model's weights: one, or all that its index names.

    Raises:
        BadInputError: There are none, or the index is damaged.
    """
    index = folder / WEIGHTS_INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return [folder / WEIGHTS]
    names = read_json_object(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise damaged_file(index, "it has no weight_map")
    files = [folder / str(name) for name in sorted(set(names.values()))]
    for file in files:
        if file.parent != folder or file.suffix != ".safetensors":
            raise damaged_file(index, f"{file.name!r} is no safetensors file beside it")
    return files


def weights_digest(folder: Path) -> str:
    """Return the SHA-256 of the weights file, or of the names and digests of several."""
    files = weight_files(folder)
    if files == [folder / WEIGHTS]:
        return sha256_of_file(folder / WEIGHTS)
    return sha256_of(canonical_json({file.name: sha256_of_file(file) for file in files}))


def check_weights(folder: Path, bert: BertConfig | None) -> None:
    """Check that a model has every tensor of an encoder, without reading their values.

    Without sizes, for an encoder that we do not compute, check only that the files are whole.

    Raises:
        BadInputError: A file is missing, damaged or truncated, or a tensor is missing or has
            another shape or dtype than expected.
    """
    with _open(folder) as tensors:
        for name, shape in (tensor_shapes(bert) if bert else {}).items():
            tensors.check(name, shape)


def check_finite(folder: Path, bert: BertConfig) -> None:
    """Read the tensors of an encoder one by one, and check their values too.

    Raises:
        BadInputError: As for `check_weights`, or a number is infinite or NaN.
    """
    for _ in _read_tensors(folder, bert):
        pass


def read_weights(folder: Path, bert: BertConfig) -> Weights:
    """Read the tensors of an encoder.

    Raises:
        BadInputError: As for `check_finite`.
    """
    return dict(_read_tensors(folder, bert))


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


@dataclass(frozen=True)
class _Tensors:
    """The tensors of all files of a model.

    Attributes:
        files: The file of each tensor, by its name there.
        opened: The open files.
        prefix: What precedes each name.
    """

    files: Mapping[str, Path]
    opened: Mapping[Path, Any]
    prefix: str

    def check(self, name: str, expected: tuple[int, ...]) -> None:
        stored, file = self._find(name)
        tensor = self.opened[file].get_slice(stored)
        shape = tuple(tensor.get_shape())
        if shape != expected:
            raise _unusable(file, f"{name} has shape {shape}, not {expected}")
        if tensor.get_dtype() not in _DTYPES:
            raise _unusable(file, f"{name} is {tensor.get_dtype()}, not {_listed(_DTYPES)}")

    def read(self, name: str) -> npt.NDArray[np.float32]:
        """Read a tensor that has been checked."""
        import numpy as np

        stored, file = self._find(name)
        if self.opened[file].get_slice(stored).get_dtype() == _BFLOAT16:
            tensor = _read_bfloat16(file, stored)
        else:
            with np.errstate(over="ignore"):  # told below
                tensor = self.opened[file].get_tensor(stored).astype("float32", copy=False)
        if not math.isfinite(tensor.min()) or not math.isfinite(tensor.max()):
            raise BadInputError(
                f"The weights {file} cannot be used: {name} has numbers that are NaN or too large "
                "for float32, as after a training that diverged. Choose other weights."
            )
        return tensor

    def _find(self, name: str) -> tuple[str, Path]:
        """Return a tensor's name as it is stored, and its file."""
        names = [name, *(name.replace(new, old) for new, old in _OLD_NAMES.items() if new in name)]
        for stored in (self.prefix + candidate for candidate in names):
            if stored in self.files:
                return stored, self.files[stored]
        raise _unusable(next(iter(self.opened)), f"it lacks the tensor {name}")


def _read_tensors(folder: Path, bert: BertConfig) -> Iterator[tuple[str, Array]]:
    with _open(folder) as tensors:
        for name, shape in tensor_shapes(bert).items():
            tensors.check(name, shape)
            yield name, tensors.read(name)


def _read_bfloat16(file: Path, name: str) -> Array:
    """Read a tensor of a type that NumPy does not have: the first half of a float32."""
    import numpy as np

    with file.open("rb") as stream:
        header_bytes = int.from_bytes(stream.read(8), "little")
        tensor = json.loads(stream.read(header_bytes))[name]
        begin, end = tensor["data_offsets"]
        stream.seek(begin, 1)
        halves = np.frombuffer(stream.read(end - begin), "<u2")
    floats: Array = (halves.astype(np.uint32) << 16).view(np.float32)
    return floats.reshape(tensor["shape"])


@contextmanager
def _open(folder: Path) -> Iterator[_Tensors]:
    """Open all files of a model's weights."""
    with ExitStack() as stack:
        opened = {file: _open_file(file, stack) for file in weight_files(folder)}
        files = {name: file for file, tensors in opened.items() for name in tensors.keys()}  # noqa: SIM118
        yield _Tensors(files, opened, _prefix(files))


def _open_file(file: Path, stack: ExitStack) -> Any:
    if not file.is_file():
        raise BadInputError(
            f"{file.parent} has no {file.name}. Weights are read from safetensors only: choose a "
            "model that publishes them, or convert it with its author's tools."
        )
    from safetensors import SafetensorError, safe_open

    try:
        return stack.enter_context(safe_open(file, framework="numpy"))
    except SafetensorError as error:
        raise _unusable(file, f"{error}") from error


def _listed(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _unusable(file: Path, reason: str) -> BadInputError:
    return BadInputError(f"The weights {file} cannot be used: {reason}. Fetch the model again.")
