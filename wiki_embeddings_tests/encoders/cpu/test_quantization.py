from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings.encoders.cpu.quantization import QuantizedLinear, quantize


def layer(seed=0, outputs=48, inputs=64, tokens=500):
    random = np.random.default_rng(seed)
    weight = random.normal(0, 0.05, (outputs, inputs)).astype(np.float32)
    bias = random.normal(0, 0.1, outputs).astype(np.float32)
    return weight, bias, random.normal(0.3, 1, (tokens, inputs)).astype(np.float32)


def computed(layer: QuantizedLinear, inputs):
    """Compute the layer by its definition."""
    zero = float(layer.zero_point)
    rounded = np.rint(inputs * layer.smoothing_factors / layer.input_scale)
    kept = np.clip(rounded, -zero, 255 - zero)
    return kept @ layer.weight.T * layer.input_scale * layer.weight_scales + layer.bias


def relative_error(outputs, expected):
    return np.linalg.norm(outputs - expected) / np.linalg.norm(expected)


def test_a_quantized_layer_computes_almost_the_same():
    weight, bias, inputs = layer()
    outputs = computed(quantize(weight, bias, inputs), inputs)
    assert relative_error(outputs, inputs @ weight.T + bias) < 0.02


def test_one_large_input_does_not_spoil_the_others():
    weight, bias, inputs = layer()
    inputs[:, 7] *= 100
    weight[:, 7] /= 100
    outputs = computed(quantize(weight, bias, inputs), inputs)
    assert relative_error(outputs, inputs @ weight.T + bias) < 0.04


def test_rounding_adds_nothing_on_average():
    weight, bias, inputs = layer()
    # Most values lie just below zero and all are rounded up to it, as after a gelu.
    inputs = np.where(np.arange(inputs.size).reshape(inputs.shape) % 50, -0.01, 20.0)
    inputs = inputs.astype(np.float32)
    outputs = computed(quantize(weight, bias, inputs), inputs)
    expected = inputs @ weight.T + bias
    np.testing.assert_allclose(outputs.mean(axis=0), expected.mean(axis=0), atol=1e-3)


def test_two_products_never_overflow_16_bits():
    weight, bias, inputs = layer()
    weights = quantize(weight, bias, inputs).weight
    assert weights.dtype == np.int8
    assert 2 * 255 * np.abs(weights.astype(int)).max() < 2**15


@pytest.mark.parametrize("inputs", [np.zeros((10, 64)), np.full((10, 64), 5.0), np.eye(64) - 2])
def test_inputs_of_one_sign_or_none_can_be_quantized(inputs):
    weight, bias, _ = layer()
    inputs = inputs.astype(np.float32)
    outputs = computed(quantize(weight, bias, inputs), inputs)
    np.testing.assert_allclose(outputs, inputs @ weight.T + bias, atol=0.05)


def test_an_output_without_weights_is_its_bias():
    weight, bias, inputs = layer()
    weight[3] = 0
    outputs = computed(quantize(weight, bias, inputs), inputs)
    np.testing.assert_allclose(outputs[:, 3], bias[3], atol=1e-6)


def test_rounding_on_another_machine_changes_no_integers():
    weight, bias, inputs = layer()
    one, other = (quantize(weight, bias, inputs * noise) for noise in (1, np.float32(1 + 1e-6)))
    np.testing.assert_array_equal(one.smoothing_factors, other.smoothing_factors)
    assert (one.input_scale, one.zero_point) == (other.input_scale, other.zero_point)
    np.testing.assert_array_equal(one.weight, other.weight)
