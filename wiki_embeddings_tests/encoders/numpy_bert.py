"""BERT as in its paper: one sequence at a time, in NumPy, in float64.

A reference for sizes without stored vectors by sentence-transformers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.encoders.sequences import InputIds

Array = npt.NDArray[np.float64]

_erf = np.vectorize(math.erf)


def unit_vector(model: ResolvedModel, sequence: InputIds) -> Array:
    """Encode one sequence with its special tokens."""
    weights = read_weights(model.folder, model.require_bert())
    tensors = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    positions = np.arange(len(sequence)) + model.require_bert().first_position
    hidden = (
        tensors["embeddings.word_embeddings.weight"][sequence]
        + tensors["embeddings.position_embeddings.weight"][positions]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    hidden = _norm(tensors, "embeddings.LayerNorm", hidden, model)
    for number in range(model.require_bert().layers):
        hidden = _layer(tensors, f"encoder.layer.{number}", hidden, model)
    pooled = hidden.mean(axis=0) if model.pooling == "mean" else hidden[0]
    return np.asarray(pooled / np.linalg.norm(pooled))


def _layer(tensors: Mapping[str, Array], name: str, hidden: Array, model: ResolvedModel) -> Array:
    query, key, value = (
        _linear(tensors, f"{name}.attention.self.{part}", hidden)
        .reshape(len(hidden), model.require_bert().heads, -1)
        .transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[2]))
    context = (scores / scores.sum(axis=2, keepdims=True) @ value).transpose(1, 0, 2)
    attended = _linear(tensors, f"{name}.attention.output.dense", context.reshape(hidden.shape))
    hidden = _norm(tensors, f"{name}.attention.output.LayerNorm", hidden + attended, model)
    wide = _linear(tensors, f"{name}.intermediate.dense", hidden)
    narrow = _linear(tensors, f"{name}.output.dense", wide * (1 + _erf(wide / math.sqrt(2))) / 2)
    return _norm(tensors, f"{name}.output.LayerNorm", hidden + narrow, model)


def _linear(tensors: Mapping[str, Array], name: str, value: Array) -> Array:
    return value @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _norm(tensors: Mapping[str, Array], name: str, value: Array, model: ResolvedModel) -> Array:
    centred = value - value.mean(axis=1, keepdims=True)
    deviation = np.sqrt(value.var(axis=1, keepdims=True) + model.require_bert().layer_norm_eps)
    return centred / deviation * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
