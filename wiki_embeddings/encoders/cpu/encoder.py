"""The `cpu` engine: BERT encoders on ONNX Runtime, or on OpenVINO in bfloat16, without PyTorch.

Each thread computes one batch of sequences of the same length. There is no padding and no mask,
and a vector depends neither on timing nor on threads nor, on ONNX Runtime, on the other texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.batching import equal_length_runs, longest_first
from wiki_embeddings.encoders.cpu.bert_graph import INPUT_IDS, WORD_EMBEDDINGS, bert_graph
from wiki_embeddings.encoders.cpu.calibration import quantize_layers
from wiki_embeddings.encoders.cpu.onnx_runtime import ort
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import Weights, read_weights
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import InputIds, SequenceBuilder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import usable_cores

TOKEN_BUDGET = 1024
"""Tokens in a batch. More is no faster, and the values between two layers outgrow the caches."""

_ERRORS_ONLY = 3
"""ONNX Runtime's log level that prints errors and no warnings."""


class CpuEncoder:
    """An `Encoder` on the processor's cores; see `protocol.Encoder` for the methods."""

    def __init__(self, model: ResolvedModel, info: EncoderInfo, threads: int | None = None) -> None:
        """Read the weights, quantize them for int8, and prepare the session.

        Args:
            model: The model.
            info: Description of this encoder.
            threads: Most batches computed at once, one per core; None for all cores that this
                process may use.

        Raises:
            BadInputError: The weights are damaged, or too large to be quantized.
        """
        self._info = info
        self._threads = threads or usable_cores()
        self._sequences = SequenceBuilder(model)
        weights = read_weights(model.folder, model.require_bert())
        self._compute = _load_graph(model, info, weights, self._threads)

    @property
    def info(self) -> EncoderInfo:
        """Everything that decides this encoder's vectors."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encode passages that are already tokenised."""
        return self._encode(self._sequences.from_passages(tokens), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenise texts and encode them."""
        return self._encode(self._sequences.from_texts(texts, query=query), None)

    def _encode(self, sequences: list[InputIds], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), dtype=np.float32)

        def encode_batch(batch: npt.NDArray[np.int64]) -> int:
            input_ids = np.stack([sequences[index] for index in batch])
            vectors[batch] = self._check_finite(self._compute(input_ids))
            return len(batch)

        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        with ThreadPoolExecutor(self._threads) as executor:
            for count in executor.map(encode_batch, _batches(lengths)):
                if progress is not None:
                    progress(count)
        return vectors

    def _check_finite(self, vectors: Vectors) -> Vectors:
        if not np.isfinite(vectors).all():
            raise BadInputError(
                f"Vectors of {self._info.model} are not finite: values between its layers are too "
                "large even for float32. Choose other weights."
            )
        return vectors


def _batches(lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the indices of sequences of one length for each batch, the longest first."""
    order = longest_first(lengths)
    for first, end, length in equal_length_runs(lengths[order]):
        size = max(1, TOKEN_BUDGET // length)
        for begin in range(first, end, size):
            yield order[begin : min(begin + size, end)]


def _load_graph(
    model: ResolvedModel, info: EncoderInfo, weights: Weights, threads: int
) -> Callable[[npt.NDArray[np.int32]], Vectors]:
    """Return the function that computes one batch, from any thread."""
    words = weights["embeddings.word_embeddings.weight"]
    quantized = quantize_layers(model, weights) if info.precision == "int8" else None
    graph = bert_graph(weights, model.require_bert(), model.pooling, quantized)
    if info.precision == "bfloat16":
        from wiki_embeddings.encoders.cpu import openvino_model  # loads OpenVINO

        return openvino_model.compile_bfloat16(graph, WORD_EMBEDDINGS, words, threads)
    session = _create_session(graph)
    return lambda input_ids: session.run(None, {INPUT_IDS: input_ids, WORD_EMBEDDINGS: words})[0]


def _create_session(graph: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # one thread per batch, so none spins beside the others
    options.log_severity_level = _ERRORS_ONLY
    # The graph is already fused. The level "extended" would replace the sum and the normalisation
    # with a slower operation.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
