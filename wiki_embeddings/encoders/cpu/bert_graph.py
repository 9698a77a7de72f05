"""A BERT encoder as an ONNX graph: token ids in, unit vectors out.

Built straight from the weights' tensors, so no conversion tool and no exported file stands
between. Pooling and normalisation are part of it. All sequences of a batch have one length, so that
nothing is padded and nothing masked.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.cpu.bert_linears import linear
from wiki_embeddings.encoders.cpu.onnx_graph import ABSENT, CONTRIB, Graph, Value
from wiki_embeddings.encoders.cpu.quantization import QuantizedLinear
from wiki_embeddings.encoders.models.config import BertShape
from wiki_embeddings.encoders.protocol import Pooling

INPUT = "input_ids"
"""Name of the graph's input."""

WORDS = "word_embeddings"
"""Name of its other input: the table of word embeddings, in which most of a multilingual model is.
A graph that held it as well could exceed the 2 GiB that ONNX allows."""

Weights = Mapping[str, npt.NDArray[np.float32]]

Quantized = Mapping[str, QuantizedLinear]
"""Linear layers by name, as `calibration.quantized_layers` gives them."""

_LENGTH = 1
"""Axis of a batch along which a sequence's tokens lie."""


def bert_graph(
    weights: Weights, shape: BertShape, pooling: Pooling, quantized: Quantized | None = None
) -> bytes:
    """Builds the graph, as ONNX Runtime reads it.

    Its inputs are `INPUT`, int32 of shape `(batch, length)`, and `WORDS`, which is the same in each
    call; its output is float32 of shape `(batch, hidden_size)`.

    Args:
        weights: The tensors that `weights.tensor_shapes` names.
        shape: Sizes of the encoder.
        pooling: How token vectors become one.
        quantized: The linear layers to compute in int8; none if not given.
    """
    return _Bert(weights, shape, quantized or {}).graph(pooling)


class _Bert:
    def __init__(self, weights: Weights, shape: BertShape, quantized: Quantized) -> None:
        self._weights = weights
        self._shape = shape
        self._quantized = quantized
        self._graph = Graph()

    def graph(self, pooling: Pooling) -> bytes:
        graph = self._graph
        hidden = self._embeddings()
        for number in range(self._shape.layers):
            hidden = self._layer(f"encoder.layer.{number}", hidden)
        if pooling == "mean":
            pooled = self._sum(hidden)  # of the same direction
        else:
            first_token = graph.constant(np.int64(0))
            pooled = graph.node("Gather", hidden, first_token, axis=_LENGTH)
        vectors = graph.node("LpNormalization", pooled, axis=-1, p=2)
        return graph.serialized("bert", vectors)

    def _sum(self, hidden: Value) -> Value:
        """Adds up a text's token vectors.

        As a product with ones, because that adds in one order. A reduction's order depends on the
        number of texts in the batch, and with it the last digits of all their vectors.
        """
        graph = self._graph
        shape = graph.node("Concat", graph.integers(1), self._length(), axis=0)
        ones = graph.node("Expand", graph.constant(np.ones((1, 1), np.float32)), shape)
        return graph.node("Squeeze", graph.node("MatMul", ones, hidden), graph.integers(_LENGTH))

    def _length(self) -> Value:
        return self._graph.node("Shape", INPUT, start=_LENGTH, end=_LENGTH + 1)

    def _embeddings(self) -> Value:
        graph, weights, shape = self._graph, self._weights, self._shape
        token_ids = graph.input(INPUT, np.int32, ("batch", "length"))
        table = graph.input(WORDS, np.float32, (shape.vocab_size, shape.hidden_size))
        # A text is one segment, so that each token has type 0, whose embedding is added just once.
        types = weights["embeddings.token_type_embeddings.weight"]
        rows = weights["embeddings.position_embeddings.weight"][shape.first_position :]
        axis = begin = graph.integers(0)
        places = graph.node("Slice", graph.constant(rows + types[0]), begin, self._length(), axis)
        words = graph.node("Gather", table, token_ids)
        return self._norm("embeddings.LayerNorm", graph.node("Add", words, places))

    def _layer(self, name: str, hidden: Value) -> Value:
        graph = self._graph
        attended = self._attention(f"{name}.attention", hidden)
        hidden = self._norm(
            f"{name}.attention.output.LayerNorm", graph.node("Add", hidden, attended)
        )
        wide = self._linear(f"{name}.intermediate.dense", hidden)
        active = graph.node("Gelu", wide, domain=CONTRIB)
        narrow = self._linear(f"{name}.output.dense", active)
        return self._norm(f"{name}.output.LayerNorm", graph.node("Add", hidden, narrow))

    def _attention(self, name: str, hidden: Value) -> Value:
        graph = self._graph
        together = self._linear(f"{name}.self", hidden)
        parts = graph.nodes("Split", together, outputs=3, axis=-1, num_outputs=3)
        heads = self._shape.heads
        context = graph.node("MultiHeadAttention", *parts, domain=CONTRIB, num_heads=heads)
        return self._linear(f"{name}.output.dense", context)

    def _linear(self, name: str, value: Value) -> Value:
        if name in self._quantized:
            return self._quantized_linear(self._quantized[name], value)
        graph = self._graph
        weight, bias = linear(self._weights, name)
        product = graph.node("MatMul", value, graph.constant(weight.T))
        return graph.node("Add", product, graph.constant(bias))

    def _quantized_linear(self, layer: QuantizedLinear, value: Value) -> Value:
        graph = self._graph
        smooth = graph.node("Mul", value, graph.constant(layer.input_factors))
        step, zero_point = graph.constant(layer.input_step), graph.constant(layer.zero_point)
        return graph.node(
            "MatMulIntegerToFloat",
            graph.node("QuantizeLinear", smooth, step, zero_point),
            graph.constant(layer.weight.T),
            step,
            graph.constant(layer.weight_steps),
            zero_point,
            ABSENT,  # the weights' zero points: they are symmetric
            graph.constant(layer.bias),
            domain=CONTRIB,
        )

    def _norm(self, name: str, value: Value) -> Value:
        graph = self._graph
        factors, offsets = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return graph.node(
            "LayerNormalization",
            value,
            graph.constant(factors),
            graph.constant(offsets),
            axis=-1,
            epsilon=self._shape.layer_norm_eps,
        )
