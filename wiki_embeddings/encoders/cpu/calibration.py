"""Quantizes an encoder by what its layers read when it encodes texts that are always the same.

The encoder is computed here in NumPy, layer by layer, so that nothing but one layer's values is
kept. What a layer reads is not spoilt by the layers before it: none of them is quantized. It is
computed in float64, because in float32 a library that uses more threads rounds otherwise, and what
is quantized would differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.cpu.bert_linears import linear
from wiki_embeddings.encoders.cpu.calibration_texts import CALIBRATION_TEXTS
from wiki_embeddings.encoders.cpu.quantization import QuantizedLinear, quantized
from wiki_embeddings.encoders.models.config import BertShape
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.sequences import Ids, SequenceMaker

Weights = Mapping[str, npt.NDArray[np.float32]]

Array = npt.NDArray[np.float64]


def calibration_sequences(model: ResolvedModel) -> list[Ids]:
    """Sequences to calibrate with, as the model reads them; always the same."""
    return SequenceMaker(model).from_texts(CALIBRATION_TEXTS, query=False)


def quantized_layers(
    weights: Weights, shape: BertShape, sequences: Sequence[Ids]
) -> dict[str, QuantizedLinear]:
    """Quantizes every linear layer, named as `bert_linears.linear` wants them.

    Args:
        weights: The tensors that `weights.tensor_shapes` names.
        shape: Sizes of the encoder.
        sequences: Token ids to calibrate with.
    """
    return {
        name: quantized(*linear(weights, name), inputs)
        for name, inputs in _inputs(weights, shape, sequences)
    }


def _inputs(
    weights: Weights, shape: BertShape, sequences: Sequence[Ids]
) -> Iterator[tuple[str, Array]]:
    """Names of the linear layers, and what each reads, of shape `(tokens, inputs)`."""

    def read(name: str, value: Array) -> Array:
        weight, bias = linear(weights, name)
        return value @ weight.T + bias

    ends = np.cumsum([len(sequence) for sequence in sequences])[:-1]
    hidden = np.concatenate([_embeddings(weights, shape, sequence) for sequence in sequences])
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        yield f"{layer}.attention.self", hidden
        together = np.split(read(f"{layer}.attention.self", hidden), ends)
        context = np.concatenate([_attention(part, shape.heads) for part in together])
        yield f"{layer}.attention.output.dense", context
        attended = hidden + read(f"{layer}.attention.output.dense", context)
        hidden = _norm(weights, f"{layer}.attention.output.LayerNorm", attended, shape)
        yield f"{layer}.intermediate.dense", hidden
        wide = _gelu(read(f"{layer}.intermediate.dense", hidden))
        yield f"{layer}.output.dense", wide
        narrow = hidden + read(f"{layer}.output.dense", wide)
        hidden = _norm(weights, f"{layer}.output.LayerNorm", narrow, shape)


def _embeddings(weights: Weights, shape: BertShape, sequence: Ids) -> Array:
    words = weights["embeddings.word_embeddings.weight"][sequence].astype(np.float64)
    positions = weights["embeddings.position_embeddings.weight"][shape.first_position :]
    types = weights["embeddings.token_type_embeddings.weight"]
    value = words + positions[: len(sequence)] + types[0]
    return _norm(weights, "embeddings.LayerNorm", value, shape)


def _attention(together: Array, heads: int) -> Array:
    """What the tokens of one sequence attend to, from their queries, keys and values."""
    tokens, width = together.shape
    query, key, value = together.reshape(tokens, 3, heads, -1).transpose(1, 2, 0, 3)
    scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    context: Array = scores / scores.sum(axis=-1, keepdims=True) @ value
    return context.swapaxes(0, 1).reshape(tokens, width // 3)


def _gelu(value: Array) -> Array:
    # By the hyperbolic tangent: NumPy has no error function, and a thousandth is no matter here.
    slope = math.sqrt(2 / math.pi)
    bent = np.tanh(slope * (value + 0.044715 * value * value * value))
    active: Array = value / 2 * (1 + bent)
    return active


def _norm(weights: Weights, name: str, value: Array, shape: BertShape) -> Array:
    centred = value - value.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.sqrt(variance + shape.layer_norm_eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
