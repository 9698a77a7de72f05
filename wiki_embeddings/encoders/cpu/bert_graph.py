"""A BERT encoder as an ONNX graph: token ids in, unit vectors out.

Built directly from the weights' tensors, without a conversion tool or an exported file. Pooling
and normalisation are part of it. All sequences of a batch have the same length, so there is no
padding and no mask.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from wiki_embeddings.encoders.cpu.onnx_graph import ABSENT, CONTRIB, Graph, Value
from wiki_embeddings.encoders.cpu.quantization import QuantizedLinear
from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.weights import Weights, linear_layer, position_table
from wiki_embeddings.encoders.protocol import Pooling

INPUT_IDS = "input_ids"
"""Name of the graph's input for token ids."""

WORD_EMBEDDINGS = "word_embeddings"
"""Name of its input for the word embeddings, which are most of a multilingual model. A graph that
contained them could exceed ONNX's limit of 2 GiB."""

QuantizedLayers = Mapping[str, QuantizedLinear]
"""Linear layers by name, as `calibration.quantize_layers` returns them."""

_LENGTH_AXIS = 1
"""Axis of a batch along which a sequence's tokens lie."""


def bert_graph(
    weights: Weights,
    config: BertConfig,
    pooling: Pooling,
    quantized: QuantizedLayers | None = None,
) -> bytes:
    """Build the graph and serialise it for ONNX Runtime.

    Its inputs are `INPUT_IDS`, int32 of shape `(batch, length)`, and `WORD_EMBEDDINGS`, which is
    the same in each call; its output is float32 of shape `(batch, hidden_size)`.

    Args:
        weights: Tensors of the encoder.
        config: Sizes of the encoder.
        pooling: How token vectors become one vector.
        quantized: The linear layers to compute in int8; None for none.
    """
    return _BertGraph(weights, config, quantized or {}).build(pooling)


class _BertGraph:
    def __init__(self, weights: Weights, config: BertConfig, quantized: QuantizedLayers) -> None:
        self._weights = weights
        self._config = config
        self._quantized = quantized
        self._graph = Graph()

    def build(self, pooling: Pooling) -> bytes:
        graph = self._graph
        hidden = self._embeddings()
        for number in range(self._config.layers):
            hidden = self._layer(f"encoder.layer.{number}", hidden)
        if pooling == "mean":
            pooled = self._sum(hidden)  # same direction as the mean
        else:
            first_token = graph.constant(np.int64(0))
            pooled = graph.node("Gather", hidden, first_token, axis=_LENGTH_AXIS)
        vectors = graph.node("LpNormalization", pooled, axis=-1, p=2)
        return graph.serialize("bert", vectors)

    def _sum(self, hidden: Value) -> Value:
        """Add up a text's token vectors.

        As a product with ones, because that always adds in the same order. A reduction's order
        depends on the number of texts in the batch, and with it the last digits of their vectors.
        """
        graph = self._graph
        shape = graph.node("Concat", graph.integers(1), self._length(), axis=0)
        ones = graph.node("Expand", graph.constant(np.ones((1, 1), np.float32)), shape)
        total = graph.node("MatMul", ones, hidden)
        return graph.node("Squeeze", total, graph.integers(_LENGTH_AXIS))

    def _length(self) -> Value:
        return self._graph.node("Shape", INPUT_IDS, start=_LENGTH_AXIS, end=_LENGTH_AXIS + 1)

    def _embeddings(self) -> Value:
        graph, config = self._graph, self._config
        token_ids = graph.input(INPUT_IDS, np.int32, ("batch", "length"))
        table = graph.input(WORD_EMBEDDINGS, np.float32, (config.vocab_size, config.hidden_size))
        rows = graph.constant(position_table(self._weights, config))
        axis = begin = graph.integers(0)
        positions = graph.node("Slice", rows, begin, self._length(), axis)
        words = graph.node("Gather", table, token_ids)
        return self._norm("embeddings.LayerNorm", graph.node("Add", words, positions))

    def _layer(self, name: str, hidden: Value) -> Value:
        graph = self._graph
        attended = self._attention(f"{name}.attention", hidden)
        hidden = self._norm(
            f"{name}.attention.output.LayerNorm", graph.node("Add", hidden, attended)
        )
        wide = self._linear(f"{name}.intermediate.dense", hidden)
        activated = graph.node("Gelu", wide, domain=CONTRIB)
        narrow = self._linear(f"{name}.output.dense", activated)
        return self._norm(f"{name}.output.LayerNorm", graph.node("Add", hidden, narrow))

    def _attention(self, name: str, hidden: Value) -> Value:
        graph = self._graph
        projected = self._linear(f"{name}.self", hidden)
        parts = graph.nodes("Split", projected, outputs=3, axis=-1, num_outputs=3)
        heads = self._config.heads
        context = graph.node("MultiHeadAttention", *parts, domain=CONTRIB, num_heads=heads)
        return self._linear(f"{name}.output.dense", context)

    def _linear(self, name: str, value: Value) -> Value:
        if name in self._quantized:
            return self._quantized_linear(self._quantized[name], value)
        graph = self._graph
        weight, bias = linear_layer(self._weights, name)
        product = graph.node("MatMul", value, graph.constant(weight.T))
        return graph.node("Add", product, graph.constant(bias))

    def _quantized_linear(self, layer: QuantizedLinear, value: Value) -> Value:
        graph = self._graph
        smooth = graph.node("Mul", value, graph.constant(layer.smoothing_factors))
        scale, zero_point = graph.constant(layer.input_scale), graph.constant(layer.zero_point)
        return graph.node(
            "MatMulIntegerToFloat",
            graph.node("QuantizeLinear", smooth, scale, zero_point),
            graph.constant(layer.weight.T),
            scale,
            graph.constant(layer.weight_scales),
            zero_point,
            ABSENT,  # the weights' zero points: they are symmetric
            graph.constant(layer.bias),
            domain=CONTRIB,
        )

    def _norm(self, name: str, value: Value) -> Value:
        graph = self._graph
        return graph.node(
            "LayerNormalization",
            value,
            graph.constant(self._weights[f"{name}.weight"]),
            graph.constant(self._weights[f"{name}.bias"]),
            axis=-1,
            epsilon=self._config.layer_norm_eps,
        )
