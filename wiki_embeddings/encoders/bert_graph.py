"""A BERT encoder as an OpenVINO graph: token ids in, unit vectors out.

Built straight from the weights' tensors, so no conversion tool and no exported file stands
between. Pooling and normalisation are part of it. Batch and length are dynamic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.model_files import BertShape
from wiki_embeddings.encoders.openvino_runtime import ops, ov
from wiki_embeddings.encoders.protocol import Pooling

Node = Any
"""A node of the graph; OpenVINO comes without types."""

Weights = Mapping[str, npt.NDArray[np.float32]]

_BATCH, _LENGTH, _HIDDEN = 0, 1, 2

_SMALLEST_NORM = 1e-12
"""Keeps the normalisation from dividing by zero; the same as in sentence-transformers."""


def bert_graph(weights: Weights, shape: BertShape, pooling: Pooling) -> ov.Model:
    """Builds the graph.

    It has two inputs: `input_ids`, int32 of shape `(batch, length)`, padded on the right with any
    id of the vocabulary, and `lengths`, int32 of shape `(batch,)`, the tokens of each sequence that
    are no padding, at least one. Its output is float32 of shape `(batch, hidden_size)`.

    Args:
        weights: The tensors that `weights.tensor_shapes` names. The graph shares their memory.
        shape: Sizes of the encoder.
        pooling: How token vectors become one.
    """
    input_ids = ops.parameter([-1, -1], np.int32, name="input_ids")
    lengths = ops.parameter([-1], np.int32, name="lengths")
    length = _dimension(input_ids, _LENGTH)
    is_token = _is_token(length, lengths)
    hidden = _embeddings(weights, shape, input_ids, length)
    for number in range(shape.layers):
        hidden = _layer(weights, shape, f"encoder.layer.{number}", hidden, is_token)
    pooled = _mean(hidden, is_token) if pooling == "mean" else _first(hidden)
    vectors = ops.normalize_l2(pooled, _integers(1), _SMALLEST_NORM, "max")
    return ov.Model([vectors], [input_ids, lengths], "bert")


def _is_token(length: Node, lengths: Node) -> Node:
    """Tells tokens from padding: boolean of shape `(batch, length)`."""
    end = ops.convert(ops.squeeze(length, _integers(0)), np.int32)
    positions = ops.range(_integer(0), end, _integer(1), "i32")
    return ops.less(ops.unsqueeze(positions, _integers(0)), ops.unsqueeze(lengths, _integers(1)))


def _embeddings(weights: Weights, shape: BertShape, input_ids: Node, length: Node) -> Node:
    # A text is one segment, so that each token has type 0, whose embedding is added just once.
    types = weights["embeddings.token_type_embeddings.weight"]
    rows = weights["embeddings.position_embeddings.weight"][shape.first_position :]
    positions = rows + types[0]
    table = _constant(weights["embeddings.word_embeddings.weight"])
    words = ops.gather(table, input_ids, _integer(0))
    places = ops.slice(_constant(positions), _integers(0), length, _integers(1), _integers(0))
    return _norm(weights, shape, "embeddings.LayerNorm", ops.add(words, places))


def _layer(weights: Weights, shape: BertShape, name: str, hidden: Node, is_token: Node) -> Node:
    attended = _attention(weights, shape, f"{name}.attention", hidden, is_token)
    hidden = _norm(weights, shape, f"{name}.attention.output.LayerNorm", ops.add(hidden, attended))
    wide = ops.gelu(_linear(weights, f"{name}.intermediate.dense", hidden), "erf")
    narrow = _linear(weights, f"{name}.output.dense", wide)
    return _norm(weights, shape, f"{name}.output.LayerNorm", ops.add(hidden, narrow))


def _attention(weights: Weights, shape: BertShape, name: str, hidden: Node, is_token: Node) -> Node:
    heads = _integers(0, 0, shape.heads, shape.hidden_size // shape.heads)
    query, key, value = (
        ops.transpose(
            ops.reshape(_linear(weights, f"{name}.self.{part}", hidden), heads, True),
            _integers(0, 2, 1, 3),
        )
        for part in ("query", "key", "value")
    )
    mask = ops.unsqueeze(is_token, _integers(1, 2))
    context = ops.scaled_dot_product_attention(query, key, value, mask)
    joined = ops.transpose(context, _integers(0, 2, 1, 3))
    return _linear(
        weights,
        f"{name}.output.dense",
        ops.reshape(joined, _integers(0, 0, shape.hidden_size), True),
    )


def _mean(hidden: Node, is_token: Node) -> Node:
    """Mean of the token vectors of each sequence, without padding."""
    counted = ops.unsqueeze(ops.convert(is_token, np.float32), _integers(_HIDDEN))
    total = ops.reduce_sum(ops.multiply(hidden, counted), _integers(_LENGTH))
    return ops.divide(total, ops.reduce_sum(counted, _integers(_LENGTH)))


def _first(hidden: Node) -> Node:
    """The vector of each sequence's first token, which is [CLS]."""
    return ops.gather(hidden, _integer(0), _integer(_LENGTH))


def _linear(weights: Weights, name: str, value: Node) -> Node:
    product = ops.matmul(value, _constant(weights[f"{name}.weight"]), False, True)
    return ops.add(product, _constant(weights[f"{name}.bias"]))


def _norm(weights: Weights, shape: BertShape, name: str, value: Node) -> Node:
    centred = ops.mvn(value, _integers(_HIDDEN), True, shape.layer_norm_eps, "inside_sqrt")
    scaled = ops.multiply(centred, _constant(weights[f"{name}.weight"]))
    return ops.add(scaled, _constant(weights[f"{name}.bias"]))


def _dimension(node: Node, axis: int) -> Node:
    """Size of one axis of a node at run time, int64 of shape `(1,)`."""
    return ops.gather(ops.shape_of(node), _integers(axis), _integer(0))


def _constant(value: npt.NDArray[np.float32]) -> Node:
    return ops.constant(value, shared_memory=True)


def _integer(value: int) -> Node:
    return ops.constant(np.int32(value))


def _integers(*values: int) -> Node:
    return ops.constant(np.array(values, dtype=np.int64))
