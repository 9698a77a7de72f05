"""A BERT encoder in PyTorch: sequences laid end to end go in, unit vectors come out.

Nothing is padded, so nothing is masked and no work is wasted: attention and pooling know where
each sequence begins. Built straight from the weights' tensors, without transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

from wiki_embeddings.encoders.cuda.packing import Packed, runs
from wiki_embeddings.encoders.models.config import BertShape
from wiki_embeddings.encoders.protocol import Pooling

Weights = Mapping[str, npt.NDArray[np.float32]]

_SMALLEST_NORM = 1e-12
"""Keeps the normalisation from dividing by zero; the same as in sentence-transformers."""

_FLASH_CAPABILITY = (8, 0)
"""Ampere, the oldest GPU that PyTorch's FlashAttention computes on."""

_FLASH_HEAD_STEP, _FLASH_HEAD_MOST = 8, 256
"""Widths of a head that it knows: multiples of the one, up to the other."""


@dataclass(frozen=True)
class PackedBatch:
    """Sequences laid end to end.

    Attributes:
        ids: Token ids on the device, int32 of shape `(tokens,)`.
        places: Place of each token in its sequence, likewise.
        offsets: Where each sequence begins and the last one ends, on the device, int32 of shape
            `(sequences + 1,)`.
        lengths: Tokens of each sequence, in the processor's memory, of shape `(sequences,)`.
    """

    ids: Tensor
    places: Tensor
    offsets: Tensor
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Linear:
    """A matrix `(outputs, inputs)` and what is added to its product."""

    weight: Tensor
    bias: Tensor

    def __call__(self, value: Tensor) -> Tensor:
        """Maps the last axis."""
        return functional.linear(value, self.weight, self.bias)


@dataclass(frozen=True)
class Norm:
    """A layer normalisation over the last axis."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, value: Tensor) -> Tensor:
        """Normalises, then scales and shifts."""
        return functional.layer_norm(value, self.weight.shape, self.weight, self.bias, self.eps)


Attention = Callable[[Tensor, Tensor, Tensor, PackedBatch], Tensor]
"""Query, key and value of each token, each `(tokens, heads, width)`, to a context like them."""


@dataclass(frozen=True)
class Layer:
    """One transformer layer.

    Attributes:
        query_key_value: The three projections of attention as one.
        attended: What follows attention.
        attended_norm: What follows that.
        widen: First half of the feed-forward network.
        narrow: Second half.
        norm: What follows it.
    """

    query_key_value: Linear
    attended: Linear
    attended_norm: Norm
    widen: Linear
    narrow: Linear
    norm: Norm


@dataclass(frozen=True)
class TorchBert:
    """An encoder on its device.

    Attributes:
        words: Table of word embeddings.
        positions: Table of position embeddings, with the token type's embedding added.
        norm: What follows the embeddings.
        layers: The transformer layers.
        heads: Attention heads in a layer.
        attention: How this device computes attention.
        pooling: How token vectors become one.
    """

    words: Tensor
    positions: Tensor
    norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    attention: Attention
    pooling: Pooling


def torch_bert(
    weights: Weights, shape: BertShape, pooling: Pooling, device: torch.device, dtype: torch.dtype
) -> TorchBert:
    """Puts an encoder on a device.

    Args:
        weights: The tensors that `weights.tensor_shapes` names.
        shape: Sizes of the encoder.
        pooling: How token vectors become one.
        device: What computes.
        dtype: Numbers to compute with.
    """

    def placed(value: npt.NDArray[np.float32]) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    def linear(*names: str) -> Linear:
        weight, bias = (
            np.concatenate([weights[f"{name}.{part}"] for name in names])
            for part in ("weight", "bias")
        )
        return Linear(placed(weight), placed(bias))

    def norm(name: str) -> Norm:
        weight, bias = (placed(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return Norm(weight, bias, shape.layer_norm_eps)

    def layer(name: str) -> Layer:
        attention = f"{name}.attention"
        return Layer(
            query_key_value=linear(*(f"{attention}.self.{part}" for part in _PROJECTIONS)),
            attended=linear(f"{attention}.output.dense"),
            attended_norm=norm(f"{attention}.output.LayerNorm"),
            widen=linear(f"{name}.intermediate.dense"),
            narrow=linear(f"{name}.output.dense"),
            norm=norm(f"{name}.output.LayerNorm"),
        )

    # A text is one segment, so that each token has type 0, whose embedding is added just once.
    types = weights["embeddings.token_type_embeddings.weight"]
    places = weights["embeddings.position_embeddings.weight"][shape.first_position :]
    return TorchBert(
        words=placed(weights["embeddings.word_embeddings.weight"]),
        positions=placed(places + types[0]),
        norm=norm("embeddings.LayerNorm"),
        layers=tuple(layer(f"encoder.layer.{number}") for number in range(shape.layers)),
        heads=shape.heads,
        attention=_attention_on(device, shape.hidden_size // shape.heads),
        pooling=pooling,
    )


_PROJECTIONS = ("query", "key", "value")


def packed_batch(sequences: Packed, batch: slice, device: torch.device) -> PackedBatch:
    """Puts a batch of packed sequences on a device, without waiting for what it computes now.

    Args:
        sequences: All sequences.
        batch: Which of them, without gaps.
        device: Where they go.
    """
    offsets = sequences.offsets[batch.start : batch.stop + 1]
    begin, end = offsets[0], offsets[-1]
    parts = (sequences.ids[begin:end], sequences.places[begin:end], offsets - begin)
    host = torch.from_numpy(np.concatenate(parts, dtype=np.int32, casting="same_kind"))
    if device.type == "cuda":
        # From pageable memory, a copy would wait until the GPU has done all that it was given.
        host = host.pin_memory()
    on_device = host.to(device, non_blocking=True)
    ids, places, begins = on_device.split([len(part) for part in parts])
    return PackedBatch(ids, places, begins, np.diff(offsets))


def unit_vectors(bert: TorchBert, batch: PackedBatch) -> Tensor:
    """Encodes a batch; to be called in inference mode.

    Returns:
        float32 of shape `(sequences, hidden_size)`, L2-normalised, on the device.
    """
    words = functional.embedding(batch.ids, bert.words)
    hidden = bert.norm(words + functional.embedding(batch.places, bert.positions))
    for layer in bert.layers:
        hidden = _layer(bert, layer, hidden, batch)
    pooled = _mean(hidden, batch) if bert.pooling == "mean" else _first(hidden, batch)
    return functional.normalize(pooled, dim=1, eps=_SMALLEST_NORM)


def _layer(bert: TorchBert, layer: Layer, hidden: Tensor, batch: PackedBatch) -> Tensor:
    projected = layer.query_key_value(hidden).unflatten(1, (3, bert.heads, -1))
    query, key, value = projected.unbind(1)
    context = bert.attention(query, key, value, batch)
    hidden = layer.attended_norm(hidden + layer.attended(context.flatten(1)))
    wide = functional.gelu(layer.widen(hidden))
    return layer.norm(hidden + layer.narrow(wide))


def _mean(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """Mean of each sequence's token vectors; checking its arguments would wait for the device."""
    return torch.segment_reduce(hidden.float(), "mean", offsets=batch.offsets, axis=0, unsafe=True)


def _first(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """The vector of each sequence's first token, which is [CLS]."""
    return hidden.index_select(0, batch.offsets[:-1]).float()


def _attention_on(device: torch.device, head_width: int) -> Attention:
    """The fastest attention that a device has, of those that need no padding."""
    knows_width = head_width % _FLASH_HEAD_STEP == 0 and head_width <= _FLASH_HEAD_MOST
    is_recent = (
        device.type == "cuda" and torch.cuda.get_device_capability(device) >= _FLASH_CAPABILITY
    )
    return _flash_attention if knows_width and is_recent else _grouped_attention


def _flash_attention(query: Tensor, key: Tensor, value: Tensor, batch: PackedBatch) -> Tensor:
    """All sequences at once; for half precision on recent GPUs."""
    offsets, longest = batch.offsets, int(batch.lengths.max())
    return varlen_attn(query, key, value, offsets, offsets, longest, longest)


def _grouped_attention(query: Tensor, key: Tensor, value: Tensor, batch: PackedBatch) -> Tensor:
    """Neighbours of one length at once; for any device. Few calls where lengths are sorted."""
    contexts = []
    begin = 0
    for first, last, length in runs(batch.lengths):
        end = begin + (last - first) * length
        rows = (
            part[begin:end].unflatten(0, (-1, length)).transpose(1, 2)
            for part in (query, key, value)
        )
        context = functional.scaled_dot_product_attention(*rows)
        contexts.append(context.transpose(1, 2).flatten(0, 1))
        begin = end
    return torch.cat(contexts)
