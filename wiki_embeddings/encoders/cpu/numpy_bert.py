"""A BERT encoder's layers in NumPy: slow for many passages, and there is nothing to prepare.

Calibration looks at what each linear layer reads, in float64; questions are embedded in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.weights import Weights, linear_layer
from wiki_embeddings.encoders.sequences import InputIds

Array = npt.NDArray[np.floating[Any]]

Inspect = Callable[[str, Array], None]
"""Takes a linear layer's name, as for `weights.linear_layer`, and what it reads, of shape
`(tokens, inputs)`."""


def token_vectors(
    weights: Weights,
    config: BertConfig,
    sequences: Sequence[InputIds],
    *,
    dtype: type[np.floating[Any]],
    gelu: Callable[[Array], Array],
    inspect: Inspect = lambda _name, _inputs: None,
) -> Array:
    """Compute the vectors of all tokens.

    Args:
        weights: Tensors of the encoder.
        config: Sizes of the encoder.
        sequences: Token ids with special tokens.
        dtype: The number format to compute in.
        gelu: The activation.
        inspect: Called for each linear layer, in their order.

    Returns:
        The vectors, of shape `(tokens, hidden_size)`, sequence after sequence.
    """

    def linear(name: str, value: Array) -> Array:
        inspect(name, value)
        weight, bias = linear_layer(weights, name)
        return value @ weight.T + bias

    ends = np.cumsum([len(sequence) for sequence in sequences])[:-1]
    hidden = np.concatenate([_embeddings(weights, config, one, dtype) for one in sequences])
    for number in range(config.layers):
        layer = f"encoder.layer.{number}"
        projected = np.split(linear(f"{layer}.attention.self", hidden), ends)
        context = np.concatenate([_attention(part, config.heads) for part in projected])
        attended = hidden + linear(f"{layer}.attention.output.dense", context)
        hidden = _norm(weights, f"{layer}.attention.output.LayerNorm", attended, config)
        wide = gelu(linear(f"{layer}.intermediate.dense", hidden))
        narrow = hidden + linear(f"{layer}.output.dense", wide)
        hidden = _norm(weights, f"{layer}.output.LayerNorm", narrow, config)
    return hidden


def exact_gelu(value: Array) -> Array:
    """Return gelu by the error function, which NumPy does not have.

    The approximation is 7.1.26 of Abramowitz and Stegun's handbook, off by at most 1.5e-7.
    """
    size = np.abs(value) / math.sqrt(2)
    part = 1 / (1 + 0.3275911 * size)
    sum_ = 1.061405429
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        sum_ = factor + part * sum_
    erf = 1 - part * sum_ * np.exp(-size * size)
    activated: Array = value / 2 * (1 + np.copysign(erf, value))
    return activated


def tanh_gelu(value: Array) -> Array:
    """Return gelu by the tanh approximation, off by at most 0.001."""
    slope = math.sqrt(2 / math.pi)
    bent = np.tanh(slope * (value + 0.044715 * value * value * value))
    activated: Array = value / 2 * (1 + bent)
    return activated


def _embeddings(
    weights: Weights, config: BertConfig, sequence: InputIds, dtype: type[np.floating[Any]]
) -> Array:
    words = weights["embeddings.word_embeddings.weight"][sequence].astype(dtype)
    positions = weights["embeddings.position_embeddings.weight"][config.first_position :]
    types = weights["embeddings.token_type_embeddings.weight"]
    value = words + positions[: len(sequence)] + types[0]
    return _norm(weights, "embeddings.LayerNorm", value, config)


def _attention(projected: Array, heads: int) -> Array:
    """Return the attention context of one sequence from its queries, keys and values."""
    tokens, width = projected.shape
    query, key, value = projected.reshape(tokens, 3, heads, -1).transpose(1, 2, 0, 3)
    scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    context: Array = scores / scores.sum(axis=-1, keepdims=True) @ value
    return context.swapaxes(0, 1).reshape(tokens, width // 3)


def _norm(weights: Weights, name: str, value: Array, config: BertConfig) -> Array:
    centred = value - value.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.sqrt(variance + config.layer_norm_eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
