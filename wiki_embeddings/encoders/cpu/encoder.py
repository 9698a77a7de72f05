"""The `cpu` engine: BERT encoders on ONNX Runtime, without PyTorch.

Each thread computes a batch of its own, of sequences of one length: nothing is padded, nothing
masked, and a vector depends neither on timing nor on threads nor on what else is encoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from wiki_embeddings.encoders.batching import end_of_batch, longest_first
from wiki_embeddings.encoders.cpu.bert_graph import INPUT, WORDS, Weights, bert_graph
from wiki_embeddings.encoders.cpu.calibration import calibration_sequences, quantized_layers
from wiki_embeddings.encoders.cpu.onnx_runtime import ort
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import Ids, SequenceMaker
from wiki_embeddings.host import usable_cores

TOKEN_BUDGET = 1024
"""Tokens in a batch. More is no faster, and the values between two layers outgrow the caches."""

_WARNINGS = 3
"""ONNX Runtime's level of messages from which on it prints: errors only."""


class CpuEncoder:
    """An `Encoder` on the processor's cores; see `protocol.Encoder` for what the methods do."""

    def __init__(self, model: ResolvedModel, info: EncoderInfo, threads: int | None = None) -> None:
        """Reads the weights, quantizes them if they are to be, and prepares the model.

        Args:
            model: The model.
            info: What this encoder says of itself.
            threads: Most batches computed at once, a core each; all cores that this process may
                use if not given.

        Raises:
            BadInputError: The weights are damaged.
        """
        self._info = info
        self._threads = threads or usable_cores()
        self._sequences = SequenceMaker(model)
        weights = read_weights(model.weights_path, model.shape)
        self._words = weights["embeddings.word_embeddings.weight"]
        self._session = _session(model, info, weights)

    @property
    def info(self) -> EncoderInfo:
        """What this encoder is."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encodes passages that are tokenised already."""
        return self._encode(self._sequences.from_passages(tokens), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenises texts, then encodes them."""
        return self._encode(self._sequences.from_texts(texts, query=query), None)

    def _encode(self, sequences: list[Ids], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), dtype=np.float32)

        def encode_batch(batch: npt.NDArray[np.int64]) -> int:
            input_ids = np.stack([sequences[index] for index in batch])
            inputs = {INPUT: input_ids, WORDS: self._words}
            vectors[batch] = self._session.run(None, inputs)[0]
            return len(batch)

        lengths = np.fromiter(map(len, sequences), dtype=np.int64, count=len(sequences))
        with ThreadPoolExecutor(self._threads) as executor:
            for count in executor.map(encode_batch, _batches(lengths)):
                if progress is not None:
                    progress(count)
        return vectors


def _batches(lengths: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Indices of sequences of one length that are computed together, the longest first."""
    order = longest_first(lengths)
    for alike in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        ends = np.cumsum(lengths[alike])
        begin = 0
        while begin < len(alike):
            end = end_of_batch(ends, begin, TOKEN_BUDGET)
            yield alike[begin:end]
            begin = end


def _session(model: ResolvedModel, info: EncoderInfo, weights: Weights) -> ort.InferenceSession:
    layers = None
    if info.precision == "int8":
        layers = quantized_layers(weights, model.shape, calibration_sequences(model))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # a batch has one thread, and no other spins beside it
    options.log_severity_level = _WARNINGS
    # The graph is fused already. Level "extended" would put a slower operation in place of the sum
    # and the normalisation.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return ort.InferenceSession(
        bert_graph(weights, model.shape, model.pooling, layers),
        options,
        providers=["CPUExecutionProvider"],
    )
