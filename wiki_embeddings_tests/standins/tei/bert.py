"""The encoder of BERT and XLM-R in NumPy, one sequence at a time, in float32."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

Array = npt.NDArray[np.float32]

# NumPy has no error function. This rational approximation is the one of Eigen and XLA for float32,
# less than 1e-6 off: x P(x^2) / Q(x^2) for |x| <= 4.
_ERF_P = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_Q = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


class Bert:
    """A BERT encoder with its weights."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Load the weights.

        Args:
            folder: Has `model.safetensors`.
            config: The content of `config.json`.
        """
        tensors = load_file(folder / "model.safetensors")
        self._tensors = {
            name.removeprefix("bert."): tensor.astype(np.float32, copy=False)
            for name, tensor in tensors.items()
        }
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._epsilon: float = config["layer_norm_eps"]
        # XLM-R leaves the rows of positions up to that of the padding token unused.
        is_bert = config["model_type"] == "bert"
        self._first_position: int = 0 if is_bert else config["pad_token_id"] + 1

    def unit_vector(self, ids: Sequence[int], pooling: str) -> Array:
        """Encode one sequence of token ids, special tokens included.

        Args:
            ids: The token ids.
            pooling: `cls` or `mean`.
        """
        positions = slice(self._first_position, self._first_position + len(ids))
        hidden = (
            self._tensors["embeddings.word_embeddings.weight"][list(ids)]
            + self._tensors["embeddings.position_embeddings.weight"][positions]
            + self._tensors["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._norm("embeddings.LayerNorm", hidden)
        for number in range(self._layers):
            hidden = self._layer(f"encoder.layer.{number}", hidden)
        pooled = hidden[0] if pooling == "cls" else hidden.mean(axis=0)
        return np.asarray(pooled / np.linalg.norm(pooled))

    def _layer(self, name: str, hidden: Array) -> Array:
        attended = self._linear(f"{name}.attention.output.dense", self._attention(name, hidden))
        hidden = self._norm(f"{name}.attention.output.LayerNorm", hidden + attended)
        wide = _gelu(self._linear(f"{name}.intermediate.dense", hidden))
        narrow = self._linear(f"{name}.output.dense", wide)
        return self._norm(f"{name}.output.LayerNorm", hidden + narrow)

    def _attention(self, name: str, hidden: Array) -> Array:
        query, key, value = (
            self._linear(f"{name}.attention.self.{part}", hidden)
            .reshape(len(hidden), self._heads, -1)
            .transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[2])
        weights = np.exp(scores - scores.max(axis=2, keepdims=True))
        weights /= weights.sum(axis=2, keepdims=True)
        return np.asarray((weights @ value).transpose(1, 0, 2).reshape(hidden.shape))

    def _linear(self, name: str, value: Array) -> Array:
        return value @ self._tensors[f"{name}.weight"].T + self._tensors[f"{name}.bias"]

    def _norm(self, name: str, value: Array) -> Array:
        centred = value - value.mean(axis=1, keepdims=True)
        deviation = np.sqrt(value.var(axis=1, keepdims=True) + self._epsilon)
        scale, shift = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return np.asarray(centred / deviation * scale + shift, np.float32)


def _gelu(value: Array) -> Array:
    return np.asarray(value * (1 + _erf(value / np.float32(math.sqrt(2)))) / 2, np.float32)


def _erf(value: Array) -> Array:
    value = np.clip(value, -4, 4)
    square = value * value
    return np.asarray(value * _polynomial(_ERF_P, square) / _polynomial(_ERF_Q, square))


def _polynomial(coefficients: Sequence[float], value: Array) -> Array:
    result = np.full_like(value, coefficients[0])
    for coefficient in coefficients[1:]:
        result *= value
        result += np.float32(coefficient)
    return result
