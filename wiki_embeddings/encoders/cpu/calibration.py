"""Quantizes an encoder by what its layers read when it encodes a fixed set of texts.

The encoder is computed here in NumPy, layer by layer, so that only one layer's values are kept.
No layer is quantized while another is calibrated, so rounding errors do not accumulate. The
computation is in float64: in float32 the number of threads would change the rounding, and with it
the quantized layers.
"""

from __future__ import annotations

import numpy as np

from wiki_embeddings.encoders.cpu.calibration_texts import CALIBRATION_TEXTS
from wiki_embeddings.encoders.cpu.numpy_bert import Array, tanh_gelu, token_vectors
from wiki_embeddings.encoders.cpu.quantization import Floats, QuantizedLinear, quantize
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import Weights, linear_layer
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.errors import BadInputError


def quantize_layers(model: ResolvedModel, weights: Weights) -> dict[str, QuantizedLinear]:
    """Quantize every linear layer of a model, named as for `weights.linear_layer`.

    Raises:
        BadInputError: Values between the layers are too large.
    """
    sequences = SequenceBuilder(model).from_texts(CALIBRATION_TEXTS, query=False)
    layers = {}

    def add_layer(name: str, inputs: Array) -> None:
        layer = _quantize(*linear_layer(weights, name), inputs)
        if layer is None:
            raise BadInputError(
                f"{model.name} cannot be quantized: values between its layers are too large. "
                "Choose other weights."
            )
        layers[name] = layer

    # The tanh approximation is harmless here.
    token_vectors(
        weights,
        model.require_bert(),
        sequences,
        dtype=np.float64,
        gelu=tanh_gelu,
        inspect=add_layer,
    )
    return layers


def _quantize(weight: Floats, bias: Floats, inputs: Array) -> QuantizedLinear | None:
    """Quantize a layer; None if its numbers do not fit into float32."""
    if not np.isfinite(inputs).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        layer = quantize(weight, bias, inputs)
    numbers = (layer.smoothing_factors, layer.input_scale, layer.weight_scales, layer.bias)
    return layer if all(np.isfinite(part).all() for part in numbers) else None
