"""Turns a linear layer into one that multiplies 8-bit integers, from what it reads in practice.

Weights get a step for each output and 7 bits; what the layer reads, one step and 8 bits. Some of
its inputs are many times as large as the others, and a common step would be too coarse for those.
So part of each input's size is moved into the weights that multiply it, as SmoothQuant does. What
rounding adds on average is known, and taken off the bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

Inputs = npt.NDArray[np.floating[Any]]
"""Of any precision; the higher it is, the less the result depends on the machine."""

_LARGEST_INPUT = 255
_LARGEST_WEIGHT = 63
"""7 bits: without VNNI, processors add two products of 8 bits in 16, and larger ones overflow."""

_MOVED = 0.7
"""How much of an input's size is moved into the weights, as an exponent. Measured from 0 to 1; see
docs/performance.md."""

_SMALLEST = np.float32(1e-5)
"""Keeps what is always zero from being divided by zero."""

_DIGITS = 3
"""Digits of what is measured that are kept, so that another machine's rounding changes nothing."""


@dataclass(frozen=True)
class QuantizedLinear:
    """A linear layer in integers.

    It computes `(round(x * input_factors / input_step) @ weight.T) * input_step * weight_steps +
    bias`, where the rounded value is kept between `-zero_point` and `255 - zero_point`.

    Attributes:
        input_factors: What each input is multiplied with first, float32 of shape `(inputs,)`.
        input_step: What one step of a rounded input stands for.
        zero_point: The unsigned integer that stands for 0.
        weight: int8 of shape `(outputs, inputs)`.
        weight_steps: What one step of a weight stands for, float32 of shape `(outputs,)`.
        bias: float32 of shape `(outputs,)`.
    """

    input_factors: Floats
    input_step: np.float32
    zero_point: np.uint8
    weight: npt.NDArray[np.int8]
    weight_steps: Floats
    bias: Floats


def quantized(weight: Floats, bias: Floats, inputs: Inputs) -> QuantizedLinear:
    """Quantizes a layer.

    Args:
        weight: Of shape `(outputs, inputs)`.
        bias: Of shape `(outputs,)`.
        inputs: What the layer read for some tokens, of shape `(tokens, inputs)`.
    """
    factors = _smoothing(weight, inputs)
    smooth = inputs * factors
    step, zero_point = _steps(smooth)
    integers, weight_steps = _symmetric(weight / factors)
    rounded = _rounded(smooth, step, zero_point)
    computed = integers @ (rounded.mean(axis=0) * step) * weight_steps
    return QuantizedLinear(
        input_factors=factors,
        input_step=step,
        zero_point=zero_point,
        weight=integers.astype(np.int8),
        weight_steps=weight_steps,
        bias=(bias + weight @ inputs.mean(axis=0) - computed).astype(np.float32),
    )


def _smoothing(weight: Floats, inputs: Inputs) -> Floats:
    input_sizes = np.maximum(np.abs(inputs).max(axis=0), _SMALLEST)
    weight_sizes = np.maximum(np.abs(weight).max(axis=0), _SMALLEST)
    factors = weight_sizes ** (1 - _MOVED) / input_sizes**_MOVED
    return _to_digits(factors)


def _steps(inputs: Inputs) -> tuple[np.float32, np.uint8]:
    """The step, and what stands for 0, that cover all inputs."""
    lowest, highest = min(inputs.min(), -_SMALLEST), max(inputs.max(), _SMALLEST)
    step = _to_digits(np.array([(highest - lowest) / _LARGEST_INPUT]))[0]
    return step, np.uint8(round(float(-lowest / step)))


def _rounded(inputs: Inputs, step: np.float32, zero_point: np.uint8) -> Inputs:
    zero = np.float32(zero_point)
    kept: Inputs = np.clip(np.rint(inputs / step), -zero, _LARGEST_INPUT - zero)
    return kept


def _symmetric(weight: Floats) -> tuple[Floats, Floats]:
    """Whole numbers of shape `(outputs, inputs)`, and the step of each output."""
    steps = np.maximum(np.abs(weight).max(axis=1), _SMALLEST) / _LARGEST_WEIGHT
    return np.rint(weight / steps[:, np.newaxis]), steps


def _to_digits(values: Inputs) -> Floats:
    scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(values)))
    return (np.rint(values * scale) / scale).astype(np.float32)
