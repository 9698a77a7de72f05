"""The linear layers of a BERT encoder, as an engine computes them: four in a layer of the model.

Query, key and value of an attention read the same input, so they are one: `….attention.self`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_PARTS = ("query", "key", "value")


def linear(weights: Mapping[str, Array], name: str) -> tuple[Array, Array]:
    """Weight, of shape `(outputs, inputs)`, and bias, of shape `(outputs,)`.

    Args:
        weights: The tensors that `weights.tensor_shapes` names.
        name: `encoder.layer.N.` and then one of `attention.self`, `attention.output.dense`,
            `intermediate.dense` and `output.dense`.
    """
    names = [f"{name}.{part}" for part in _PARTS] if name.endswith(".self") else [name]
    weight = np.concatenate([weights[f"{part}.weight"] for part in names])
    return weight, np.concatenate([weights[f"{part}.bias"] for part in names])
