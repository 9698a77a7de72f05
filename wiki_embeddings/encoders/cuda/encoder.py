"""The `cuda` engine: BERT encoders on an NVIDIA GPU in float16, by PyTorch alone.

The GPU is never waited for but to hand over vectors that are ready: while it computes a batch, the
processor lays out the next in pinned memory and takes over the vectors of the last. Nothing is
compiled, so that a container encodes within seconds.
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

from wiki_embeddings.encoders.batching import end_of_batch
from wiki_embeddings.encoders.cuda.packing import Packed, packed, packed_passages
from wiki_embeddings.encoders.cuda.torch_bert import (
    TorchBert,
    packed_batch,
    torch_bert,
    unit_vectors,
)
from wiki_embeddings.encoders.models.resolve import ResolvedModel
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.encoders.protocol import EncoderInfo, Progress, TokenIds, Vectors
from wiki_embeddings.encoders.sequences import SequenceMaker
from wiki_embeddings.encoders.token_lists import token_lists
from wiki_embeddings.errors import BrokenDeviceError, WikiEmbeddingsError

log = logging.getLogger(__name__)

TOKEN_BUDGET = 32_768
"""Tokens in a batch: enough to hide what starting a kernel costs, within 1 GiB of memory."""

_IN_FLIGHT = 2
"""Batches given to the GPU and not taken back: one that it computes and one that it finds next."""


@dataclass(frozen=True)
class _Arriving:
    """Vectors on their way into the processor's memory.

    Attributes:
        rows: Which sequences they are of.
        vectors: Where they arrive, of shape `(rows, dimensions)`.
        arrived: Happens when they are there; None if they are already.
    """

    rows: npt.NDArray[np.int64]
    vectors: Tensor
    arrived: torch.cuda.Event | None

    def take(self) -> npt.NDArray[np.float32]:
        """The vectors, once they are there."""
        if self.arrived is not None:
            self.arrived.synchronize()
        vectors: npt.NDArray[np.float32] = self.vectors.numpy()
        return vectors


class CudaEncoder:
    """An `Encoder` on a GPU; see `protocol.Encoder` for what the methods do.

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
        """Reads the weights and puts them on the device.

        Args:
            model: The model.
            info: What this encoder says of itself.
            device: What computes: `cuda`, in float16, or `cpu`, in float32, for tests.
            token_budget: Most tokens in a batch. A longer sequence is a batch alone.

        Raises:
            BadInputError: The weights are damaged.
            WikiEmbeddingsError: The GPU has no room for the weights.
        """
        self._model = model
        self._info = info
        self._device = torch.device(device)
        self._token_budget = token_budget
        self._sequences = SequenceMaker(model)
        self._bert = _on_device(model, self._device)
        self._lock = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        """What this encoder is."""
        return self._info

    def encode(self, tokens: Sequence[TokenIds], *, progress: Progress | None = None) -> Vectors:
        """Encodes passages that are tokenised already; quickest in `TokenLists`."""
        return self._encode(packed_passages(tokens, self._sequences, self._model), progress)

    def encode_texts(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Tokenises texts, then encodes them."""
        sequences = self._sequences.from_texts(texts, query=query)
        return self._encode(packed(token_lists(sequences)), None)

    def _encode(self, sequences: Packed, progress: Progress | None) -> Vectors:
        vectors = np.empty((len(sequences.rows), self._info.dimensions), dtype=np.float32)
        with self._lock, _faults_told():
            for batch in _behind(self._batches(sequences), _IN_FLIGHT - 1):
                vectors[batch.rows] = self._checked(batch.take())
                if progress is not None:
                    progress(len(batch.rows))
        return vectors

    def _batches(self, sequences: Packed) -> Iterator[_Arriving]:
        """Gives one batch after another to the device and does not wait for their vectors."""
        ends = sequences.offsets[1:]
        begin = 0
        while begin < len(ends):
            batch = slice(begin, end_of_batch(ends, begin, self._token_budget))
            vectors = self._vectors(sequences, batch)
            if vectors is None:
                self._take_smaller_batches(np.diff(sequences.offsets)[batch])
                continue
            yield _sent_back(sequences.rows[batch], vectors)
            begin = batch.stop

    def _vectors(self, sequences: Packed, batch: slice) -> Tensor | None:
        """Vectors of a batch, on the device; None if its memory is too small."""
        try:
            with torch.inference_mode():
                return unit_vectors(self._bert, packed_batch(sequences, batch, self._device))
        except torch.OutOfMemoryError:
            # What is to be done about it has to wait until this error is gone: its traceback
            # holds on to the tensors of the batch.
            return None

    def _take_smaller_batches(self, lengths: npt.NDArray[np.int64]) -> None:
        """Halves the token budget after a batch of sequences of these lengths did not fit."""
        torch.cuda.empty_cache()
        tokens = int(lengths.sum())
        if len(lengths) == 1:
            raise WikiEmbeddingsError(
                f"The GPU has no memory left to encode even a single text of {tokens} tokens with "
                f"{self._info.model}. See with nvidia-smi what else takes it, or choose a GPU with "
                "more memory or a smaller model."
            )
        self._token_budget = min(self._token_budget, tokens) // 2
        log.warning(
            "The GPU is out of memory with a batch of %d tokens: going on with batches of at most "
            "%d tokens.",
            tokens,
            self._token_budget,
        )

    def _checked(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if not np.isfinite(vectors).all():
            raise WikiEmbeddingsError(
                f"{self._info.model} gives vectors that are no numbers in "
                f"{self._info.precision}: values between its layers are too large for it. Take the "
                "engine cpu, which computes in float32."
            )
        return vectors


@contextmanager
def _faults_told() -> Iterator[None]:
    """Name a fault of the GPU as one: CUDA does nothing more in a process that has met one."""
    try:
        yield
    except torch.AcceleratorError as error:
        reason = str(error).partition("\n")[0]
        raise BrokenDeviceError(
            f"The GPU has failed ({reason}), and this process can use none any more. Look at "
            "nvidia-smi and the system's log, and run again: what is finished stays."
        ) from error


def _on_device(model: ResolvedModel, device: torch.device) -> TorchBert:
    weights = read_weights(model.weights_path, model.shape)
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    try:
        return torch_bert(weights, model.shape, model.pooling, device, dtype)
    except torch.OutOfMemoryError as error:
        raise WikiEmbeddingsError(
            f"The GPU has no memory left for the weights of {model.name}. See with nvidia-smi what "
            "else takes it, or choose a GPU with more memory or a smaller model."
        ) from error


def _sent_back(rows: npt.NDArray[np.int64], vectors: Tensor) -> _Arriving:
    """Sends vectors into the processor's memory, as soon as the device has computed them."""
    if vectors.device.type != "cuda":
        return _Arriving(rows, vectors, None)
    pinned = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True)
    pinned.copy_(vectors, non_blocking=True)
    arrived = torch.cuda.Event()
    arrived.record()
    return _Arriving(rows, pinned, arrived)


def _behind(batches: Iterator[_Arriving], distance: int) -> Iterator[_Arriving]:
    """Passes batches on so many behind the newest."""
    waiting: deque[_Arriving] = deque()
    for batch in batches:
        waiting.append(batch)
        if len(waiting) > distance:
            yield waiting.popleft()
    yield from waiting
