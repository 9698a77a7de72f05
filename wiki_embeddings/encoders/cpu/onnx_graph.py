"""Writes ONNX graphs node by node, for any model.

A thin layer over `onnx.helper`, so that a graph reads like the formula that it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

Value = str
"""Name of a tensor that flows between two nodes."""

CONTRIB = "com.microsoft"
"""Domain of the operations that ONNX Runtime adds to the standard ones."""

_OPSET, _CONTRIB_OPSET, _IR_VERSION = 18, 1, 9

ABSENT: Value = ""
"""Stands for an optional input that is not given."""


class Graph:
    """A graph under construction."""

    def __init__(self) -> None:
        """Begin an empty graph."""
        self._model = onnx.ModelProto(ir_version=_IR_VERSION)
        self._model.opset_import.add(domain="", version=_OPSET)
        self._model.opset_import.add(domain=CONTRIB, version=_CONTRIB_OPSET)
        self._graph = self._model.graph

    def input(self, name: Value, dtype: npt.DTypeLike, axes: Sequence[str | int]) -> Value:
        """Add an input.

        Args:
            name: Its name.
            dtype: Its element type.
            axes: Sizes of its axes, or names for sizes that are only known at run time.
        """
        number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self._graph.input.append(helper.make_tensor_value_info(name, number, list(axes)))
        return name

    def constant(self, value: npt.ArrayLike) -> Value:
        """Add a constant array, keeping its dtype."""
        name, array = f"constant_{len(self._graph.initializer)}", np.asarray(value)
        # In place, because each of the helper's copies takes as long as reading the weights.
        self._graph.initializer.add(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            raw_data=array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(),
        )
        return name

    def integers(self, *values: int) -> Value:
        """Add a constant list of integers: axes, bounds, shapes."""
        return self.constant(np.array(values, dtype=np.int64))

    def node(self, operation: str, *inputs: Value, domain: str = "", **attributes: Any) -> Value:
        """Add an operation with one output and return the output's name."""
        return self.nodes(operation, *inputs, outputs=1, domain=domain, **attributes)[0]

    def nodes(
        self, operation: str, *inputs: Value, outputs: int, domain: str = "", **attributes: Any
    ) -> list[Value]:
        """Add an operation with several outputs and return their names."""
        names = [f"{operation}_{len(self._graph.node)}_{number}" for number in range(outputs)]
        node = helper.make_node(operation, list(inputs), names, domain=domain, **attributes)
        self._graph.node.append(node)
        return names

    def serialize(self, name: str, output: Value) -> bytes:
        """Finish the graph and serialise it.

        Args:
            name: Name of the graph.
            output: Its only output, float32.
        """
        self._graph.name = name
        self._graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        serialized: bytes = self._model.SerializeToString()
        return serialized
