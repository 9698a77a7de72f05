"""Quantizes an encoder by what its layers read when it encodes a fixed set of texts.

The encoder is computed here in NumPy, layer by layer, so that only one layer's values are kept.
No layer is quantized while another is calibrated, so rounding errors do not accumulate. The
computation is in float64: in float32 the number of threads would change the rounding, and with it
the quantized layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.cpu.calibration_texts import CALIBRATION_TEXTS
from wiki_embeddings.encoders.cpu.quantization import Floats, QuantizedLinear, quantize
from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import Weights, linear_layer
from wiki_embeddings.encoders.sequences import InputIds, SequenceBuilder
from wiki_embeddings.errors import BadInputError

Array = npt.NDArray[np.float64]


def quantize_layers(model: ResolvedModel, weights: Weights) -> dict[str, QuantizedLinear]:
    """Quantize every linear layer of a model, named as for `weights.linear_layer`.

    Raises:
        BadInputError: Values between the layers are too large.
    """
    sequences = SequenceBuilder(model).from_texts(CALIBRATION_TEXTS, query=False)
    layers = {}
    for name, inputs in _layer_inputs(weights, model.require_bert(), sequences):
        layer = _quantize(*linear_layer(weights, name), inputs)
        if layer is None:
            raise BadInputError(
                f"{model.name} cannot be quantized: values between its layers are too large. "
                "Choose other weights."
            )
        layers[name] = layer
    return layers


def _quantize(weight: Floats, bias: Floats, inputs: Array) -> QuantizedLinear | None:
    """Quantize a layer; None if its numbers do not fit into float32."""
    if not np.isfinite(inputs).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        layer = quantize(weight, bias, inputs)
    numbers = (layer.smoothing_factors, layer.input_scale, layer.weight_scales, layer.bias)
    return layer if all(np.isfinite(part).all() for part in numbers) else None


def _layer_inputs(
    weights: Weights, config: BertConfig, sequences: Sequence[InputIds]
) -> Iterator[tuple[str, Array]]:
    """Yield each linear layer's name and what it reads, of shape `(tokens, inputs)`."""

    def linear(name: str, value: Array) -> Array:
        weight, bias = linear_layer(weights, name)
        return value @ weight.T + bias

    ends = np.cumsum([len(sequence) for sequence in sequences])[:-1]
    hidden = np.concatenate([_embeddings(weights, config, sequence) for sequence in sequences])
    for number in range(config.layers):
        layer = f"encoder.layer.{number}"
        yield f"{layer}.attention.self", hidden
        projected = np.split(linear(f"{layer}.attention.self", hidden), ends)
        context = np.concatenate([_attention(part, config.heads) for part in projected])
        yield f"{layer}.attention.output.dense", context
        attended = hidden + linear(f"{layer}.attention.output.dense", context)
        hidden = _norm(weights, f"{layer}.attention.output.LayerNorm", attended, config)
        yield f"{layer}.intermediate.dense", hidden
        wide = _gelu(linear(f"{layer}.intermediate.dense", hidden))
        yield f"{layer}.output.dense", wide
        narrow = hidden + linear(f"{layer}.output.dense", wide)
        hidden = _norm(weights, f"{layer}.output.LayerNorm", narrow, config)


def _embeddings(weights: Weights, config: BertConfig, sequence: InputIds) -> Array:
    words = weights["embeddings.word_embeddings.weight"][sequence].astype(np.float64)
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


def _gelu(value: Array) -> Array:
    # The tanh approximation: NumPy has no error function, and an error of 0.001 is harmless here.
    slope = math.sqrt(2 / math.pi)
    bent = np.tanh(slope * (value + 0.044715 * value * value * value))
    activated: Array = value / 2 * (1 + bent)
    return activated


def _norm(weights: Weights, name: str, value: Array, config: BertConfig) -> Array:
    centred = value - value.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.sqrt(variance + config.layer_norm_eps)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
