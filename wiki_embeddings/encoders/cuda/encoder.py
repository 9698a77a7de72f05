"""The `cuda` engine: BERT encoders on an NVIDIA GPU in float16, on PyTorch alone.

The host waits for the GPU only to take vectors that are ready: while the GPU computes some batches,
the host lays out the next in pinned memory and takes the vectors of those before.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wiki_embeddings.encoders.batching import batch_end
from wiki_embeddings.encoders.cuda.packing import PackedSequences, pack, pack_passages
from wiki_embeddings.encoders.cuda.torch_bert import (
    TorchBert,
    build_bert,
    encode_batch,
    upload_batch,
)
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.encoders.token_lists import TokenLists
from wiki_embeddings.errors import BrokenDeviceError, WikiEmbeddingsError

log = logging.getLogger(__name__)

TOKEN_BUDGET = 131_072
"""Tokens in a batch: the fastest measured on an H100. The largest known model takes 4 GiB for one,
and an A10 has 24."""

_MAX_SEQUENCES = 65_535
"""Sequences in a batch: one more, of two tokens each, and PyTorch's FlashAttention fails, because
CUDA starts no more blocks along the second axis of a grid."""

_IN_FLIGHT = 8
"""Batches queued on the GPU, about 0.15 s of work of an H100.

A thread that reads or checks another shard may hold Python's lock for as long, and the next batch
cannot be queued meanwhile. A queued batch takes only the memory of its token ids and vectors,
because batches that are computed one after another share the rest.
"""


@dataclass(frozen=True)
class _Download:
    """Vectors on their way to host memory.

    Attributes:
        rows: Index in the input of each vector.
        vectors: Where they arrive, of shape `(rows, dimensions)`.
        done: Set once they have arrived; None if they already have.
    """

    rows: npt.NDArray[np.int64]
    vectors: Tensor
    done: torch.cuda.Event | None

    def wait(self) -> npt.NDArray[np.float32]:
        """Return the vectors once they have arrived."""
        if self.done is not None:
            self.done.synchronize()
        vectors: npt.NDArray[np.float32] = self.vectors.numpy()
        return vectors


class CudaEncoder:
    """An `Encoder` on a GPU; see `protocol.Encoder` for the methods.

    When the GPU runs out of memory, batches become smaller from then on, and nothing is lost.
    """

    def __init__(
        self,
        model: ResolvedModel,
        info: EncoderInfo,
        *,
        device: str = "cuda",
        token_budget: int = TOKEN_BUDGET,
    ) -> None:
        """Read the weights and put them on the device.

        Args:
            model: The model.
            info: Description of this encoder.
            device: Where to compute: `cuda`, in float16, or `cpu`, in float32, for tests.
            token_budget: Most tokens in a batch. A longer sequence is a batch by itself.

        Raises:
            BadInputError: The weights are damaged.
            WikiEmbeddingsError: The weights do not fit into the GPU's memory.
        """
        self._model = model
        self._info = info
        self._device = torch.device(device)
        self._token_budget = token_budget
        self._sequences = SequenceBuilder(model)
        self._bert = _load_bert(model, self._device)
        self._lock = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        """Everything that decides this encoder's vectors."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encode passages that are already tokenised; fastest in `TokenLists`."""
        return self._encode(pack_passages(tokens, self._sequences, self._model), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenise texts and encode them."""
        sequences = self._sequences.from_texts(texts, query=query)
        return self._encode(pack(TokenLists.from_arrays(sequences)), None)

    def _encode(self, sequences: PackedSequences, progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences.rows), self._info.dimensions), dtype=np.float32)

        def take(download: _Download) -> None:
            vectors[download.rows] = self._check_finite(download.wait())
            if progress is not None:
                progress(len(download.rows))

        waiting: deque[_Download] = deque()
        with _translate_cuda_errors():
            with self._lock:
                for download in self._downloads(sequences):
                    waiting.append(download)
                    if len(waiting) == _IN_FLIGHT:
                        take(waiting.popleft())
            # Without the lock: another thread's batches are queued before these are finished.
            for download in waiting:
                take(download)
        return vectors

    def _downloads(self, sequences: PackedSequences) -> Iterator[_Download]:
        """Queue one batch after another on the device, without waiting for the vectors."""
        ends = sequences.offsets[1:]
        begin = 0
        while begin < len(ends):
            end = batch_end(ends, begin, self._token_budget)
            batch = slice(begin, min(end, begin + _MAX_SEQUENCES))
            try:
                with torch.inference_mode():
                    vectors = encode_batch(self._bert, upload_batch(sequences, batch, self._device))
            except torch.OutOfMemoryError:
                vectors = None
            # Outside of the handler, because the error's traceback keeps the batch's tensors alive.
            if vectors is None:
                self._shrink_batches(np.diff(sequences.offsets)[batch])
                continue
            yield _start_download(sequences.rows[batch], vectors)
            begin = batch.stop

    def _shrink_batches(self, lengths: npt.NDArray[np.int64]) -> None:
        """Halve the token budget after a batch with sequences of these lengths did not fit."""
        torch.cuda.empty_cache()
        tokens = int(lengths.sum())
        if len(lengths) == 1:
            raise WikiEmbeddingsError(
                f"The GPU has no memory left to encode even a single text of {tokens} tokens with "
                f"{self._info.model}. Check with nvidia-smi what else uses it, or choose a GPU "
                "with more memory or a smaller model."
            )
        self._token_budget = min(self._token_budget, tokens) // 2
        log.warning(
            "The GPU is out of memory with a batch of %d tokens: continuing with batches of at "
            "most %d tokens.",
            tokens,
            self._token_budget,
        )

    def _check_finite(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if not np.isfinite(vectors).all():
            raise WikiEmbeddingsError(
                f"Vectors of {self._info.model} are not finite in {self._info.precision}: values "
                "between its layers are too large for it. Choose the engine cpu, which computes "
                "in float32."
            )
        return vectors


@contextmanager
def _translate_cuda_errors() -> Iterator[None]:
    """Turn a GPU fault into an error for people: CUDA is unusable in this process from then on."""
    try:
        yield
    except torch.AcceleratorError as error:
        reason = str(error).partition("\n")[0]
        raise BrokenDeviceError(
            f"The GPU has failed ({reason}), and this process cannot use one any more. Check "
            "nvidia-smi and the system's log, and run again: finished shards are kept."
        ) from error


def _load_bert(model: ResolvedModel, device: torch.device) -> TorchBert:
    bert = model.require_bert()
    weights = read_weights(model.folder, bert)
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    try:
        return build_bert(weights, bert, model.pooling, device, dtype)
    except torch.OutOfMemoryError as error:
        raise WikiEmbeddingsError(
            f"The GPU has no memory left for the weights of {model.name}. Check with nvidia-smi "
            "what else uses it, or choose a GPU with more memory or a smaller model."
        ) from error


def _start_download(rows: npt.NDArray[np.int64], vectors: Tensor) -> _Download:
    """Queue the copy of vectors to host memory, after the computation of them."""
    if vectors.device.type != "cuda":
        return _Download(rows, vectors, None)
    pinned = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
    pinned.copy_(vectors, non_blocking=True)
    done = torch.cuda.Event()
    done.record()
    return _Download(rows, pinned, done)
