"""Turns a linear layer into one that multiplies 8-bit integers, calibrated on its inputs.

Weights have 7 bits and a scale for each output; inputs have 8 bits and one scale. Some inputs are
many times as large as the others, for which a common scale would be too coarse. So part of each
input's size is moved into the weights that multiply it, as in SmoothQuant. The mean rounding error
is known and subtracted from the bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

Inputs = npt.NDArray[np.floating[Any]]
"""Of any precision; the higher it is, the less the result depends on the machine."""

_INPUT_MAX = 255
_WEIGHT_MAX = 63
"""7 bits: processors without VNNI add two 8-bit products in 16 bits, which would overflow."""

_MIGRATION_STRENGTH = 0.7
"""SmoothQuant's exponent: how much of an input's size is moved into the weights. Measured from 0
to 1; see docs/performance.md."""

_SMALLEST = np.float32(1e-5)
"""Prevents division by zero for inputs and weights that are always zero."""

_SIGNIFICANT_DIGITS = 3
"""Digits kept of what is measured, so that another machine's rounding changes nothing."""


@dataclass(frozen=True)
class QuantizedLinear:
    """A linear layer in integers.

    It computes `(round(x * smoothing_factors / input_scale) @ weight.T) * input_scale *
    weight_scales + bias`, with the rounded value clipped to `-zero_point` and `255 - zero_point`.

    Attributes:
        smoothing_factors: Factor of each input, float32 of shape `(inputs,)`.
        input_scale: Value of one step of a quantized input.
        zero_point: The unsigned integer that stands for 0.
        weight: int8 of shape `(outputs, inputs)`.
        weight_scales: Value of one step of each output's weights, float32 of shape `(outputs,)`.
        bias: float32 of shape `(outputs,)`.
    """

    smoothing_factors: Floats
    input_scale: np.float32
    zero_point: np.uint8
    weight: npt.NDArray[np.int8]
    weight_scales: Floats
    bias: Floats


def quantize(weight: Floats, bias: Floats, inputs: Inputs) -> QuantizedLinear:
    """Quantize a layer.

    Args:
        weight: Of shape `(outputs, inputs)`.
        bias: Of shape `(outputs,)`.
        inputs: What the layer reads for the calibration tokens, of shape `(tokens, inputs)`.
    """
    factors = _smoothing_factors(weight, inputs)
    smooth = inputs * factors
    scale, zero_point = _input_scale(smooth)
    integers, weight_scales = _quantize_weight(weight / factors)
    rounded = _quantize_inputs(smooth, scale, zero_point)
    computed = integers @ (rounded.mean(axis=0) * scale) * weight_scales
    return QuantizedLinear(
        smoothing_factors=factors,
        input_scale=scale,
        zero_point=zero_point,
        weight=integers.astype(np.int8),
        weight_scales=weight_scales,
        bias=(bias + weight @ inputs.mean(axis=0) - computed).astype(np.float32),
    )


def _smoothing_factors(weight: Floats, inputs: Inputs) -> Floats:
    input_sizes = np.maximum(np.abs(inputs).max(axis=0), _SMALLEST)
    weight_sizes = np.maximum(np.abs(weight).max(axis=0), _SMALLEST)
    factors = weight_sizes ** (1 - _MIGRATION_STRENGTH) / input_sizes**_MIGRATION_STRENGTH
    return _round_to_digits(factors)


def _input_scale(inputs: Inputs) -> tuple[np.float32, np.uint8]:
    """Return the scale and the zero point that cover all inputs."""
    lowest, highest = min(inputs.min(), -_SMALLEST), max(inputs.max(), _SMALLEST)
    scale = _round_to_digits(np.array([(highest - lowest) / _INPUT_MAX]))[0]
    return scale, np.uint8(round(float(-lowest / scale)))


def _quantize_inputs(inputs: Inputs, scale: np.float32, zero_point: np.uint8) -> Inputs:
    zero = np.float32(zero_point)
    clipped: Inputs = np.clip(np.rint(inputs / scale), -zero, _INPUT_MAX - zero)
    return clipped


def _quantize_weight(weight: Floats) -> tuple[Floats, Floats]:
    """Return whole numbers of shape `(outputs, inputs)`, and the scale of each output."""
    scales = np.maximum(np.abs(weight).max(axis=1), _SMALLEST) / _WEIGHT_MAX
    return np.rint(weight / scales[:, np.newaxis]), scales


def _round_to_digits(values: Inputs) -> Floats:
    factor = 10.0 ** (_SIGNIFICANT_DIGITS - 1 - np.floor(np.log10(values)))
    return (np.rint(values * factor) / factor).astype(np.float32)
