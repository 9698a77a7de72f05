"""Computes a graph of ours with OpenVINO in bfloat16, which recent processors multiply fast.

OpenVINO is an optional dependency. Only its converter and its command line report their use to
Intel; neither runs here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
import openvino as ov

Compute = Callable[[npt.NDArray[np.int32]], npt.NDArray[np.float32]]
"""Computes the vectors of a batch, `(batch, length)` to `(batch, hidden_size)`; from any thread."""

_COPIES_BYTES = 2**30
"""Most bytes of graphs that are compiled more than once; each copy has its own packed weights."""


def compile_bfloat16(
    graph: bytes, table_name: str, table: npt.NDArray[np.float32], threads: int
) -> Compute:
    """Compile a graph with one input besides the table.

    Products are added up in float32. Each batch is computed by one core, so that the number of
    threads changes no bit.

    Args:
        graph: An ONNX graph.
        table_name: Name of the input that is the same in each call.
        table: Its value, which is not copied.
        threads: Most batches computed at once, one per core.
    """
    core = ov.Core()
    model = core.read_model(graph)
    parameter = next(p for p in model.get_parameters() if p.get_friendly_name() == table_name)
    constant = ov.op.Constant(table, shared_memory=True)
    for reader in parameter.output(0).get_target_inputs():
        reader.replace_source_output(constant.output(0))
    model.remove_parameter(parameter)
    # The streams of one compiled model wait for each other: two of them keep 1.65 cores busy, two
    # models with a stream each 1.95.
    copies = max(1, min(threads, _COPIES_BYTES // len(graph)))

    def compile_copy(copy: int) -> list[ov.InferRequest]:
        streams = len(range(copy, threads, copies))
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(streams),
            "ENABLE_CPU_PINNING": "NO",  # each model would take the same cores
        }
        compiled = core.compile_model(model, "CPU", settings)
        return [compiled.create_infer_request() for _ in range(streams)]

    requests: SimpleQueue[ov.InferRequest] = SimpleQueue()
    with ThreadPoolExecutor(copies) as executor:
        for request in chain.from_iterable(executor.map(compile_copy, range(copies))):
            requests.put(request)

    def compute(input_ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        request = requests.get()  # serves one thread at a time
        try:
            result: npt.NDArray[np.float32] = request.infer([input_ids])[0]  # a copy
        finally:
            requests.put(request)
        return result

    return compute
