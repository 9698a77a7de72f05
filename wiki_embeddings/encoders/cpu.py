"""The `cpu` engine: BERT encoders on OpenVINO, without PyTorch.

Each thread computes a batch of its own. Measured on two cores, that is as fast as all threads
sharing one batch, keeps the cores busy when other programs take some of their time, and leaves
nothing to chance: a vector depends neither on timing nor on the number of threads.
"""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from wiki_embeddings.cores import usable_cores
from wiki_embeddings.encoders.batching import padded, token_batches
from wiki_embeddings.encoders.bert_graph import bert_graph
from wiki_embeddings.encoders.models import ResolvedModel
from wiki_embeddings.encoders.openvino_runtime import ov
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import SequenceMaker
from wiki_embeddings.encoders.weights import read_weights

TOKEN_BUDGET = 1024
"""Tokens in a batch. More is no faster, and the values between two layers outgrow the caches."""


class CpuEncoder:
    """An `Encoder` on the processor's cores; see `protocol.Encoder` for what the methods do."""

    def __init__(self, model: ResolvedModel, info: EncoderInfo, threads: int | None = None) -> None:
        """Reads the weights and compiles the model.

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
        self._padding = model.special_tokens.pad
        self._sequences = SequenceMaker(model)
        compiled = _compile(model, self._threads)
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(self._threads):
            self._idle.put(compiled.create_infer_request())

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

    def _encode(self, sequences: list[npt.NDArray[np.int32]], progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences), self._info.dimensions), dtype=np.float32)
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        batches = token_batches(lengths, TOKEN_BUDGET)

        def encode_batch(batch: npt.NDArray[np.int64]) -> int:
            input_ids = padded([sequences[index] for index in batch], self._padding)
            vectors[batch] = self._infer(input_ids, lengths[batch].astype(np.int32))
            return len(batch)

        with ThreadPoolExecutor(self._threads) as executor:
            for count in executor.map(encode_batch, batches):
                if progress is not None:
                    progress(count)
        return vectors

    def _infer(
        self, input_ids: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float32]:
        with self._request() as request:
            outputs: npt.NDArray[np.float32] = request.infer([input_ids, lengths])[0]
            return outputs

    @contextmanager
    def _request(self) -> Iterator[ov.InferRequest]:
        request = self._idle.get()
        try:
            yield request
        finally:
            self._idle.put(request)


def _compile(model: ResolvedModel, threads: int) -> ov.CompiledModel:
    weights = read_weights(model.weights_path, model.shape)
    graph = bert_graph(weights, model.shape, model.pooling)
    return ov.Core().compile_model(
        graph,
        "CPU",
        {
            # Some processors would compute in bfloat16 otherwise.
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": str(threads),
            # Two processes would pin their threads to the same cores.
            "ENABLE_CPU_PINNING": "NO",
        },
    )
