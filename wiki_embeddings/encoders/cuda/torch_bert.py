"""A BERT encoder in PyTorch: packed sequences in, unit vectors out.

There is no padding, so no mask and no wasted work: attention and pooling know where each sequence
begins. Built directly from the weights' tensors, without transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

from wiki_embeddings.encoders.batching import equal_length_runs
from wiki_embeddings.encoders.cuda.packing import PackedSequences
from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.weights import Weights, linear_layer, position_table
from wiki_embeddings.encoders.protocol import Pooling

_SMALLEST_NORM = 1e-12
"""Keeps the normalisation from dividing by zero; the same as in sentence-transformers."""

_FLASH_CAPABILITY = (8, 0)
"""Ampere, the oldest GPU generation that PyTorch's FlashAttention supports."""

_FLASH_HEAD_STEP, _FLASH_HEAD_MAX = 8, 256
"""Head widths that it supports: multiples of the one, up to the other."""


@dataclass(frozen=True)
class PackedBatch:
    """A batch of sequences end to end.

    Attributes:
        ids: Token ids on the device, int32 of shape `(tokens,)`.
        positions: Position of each token in its sequence, on the device, int32 of shape
            `(tokens,)`.
        offsets: Where each sequence begins and the last one ends, on the device, int32 of shape
            `(sequences + 1,)`.
        lengths: Tokens of each sequence, in host memory, of shape `(sequences,)`.
    """

    ids: Tensor
    positions: Tensor
    offsets: Tensor
    lengths: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Linear:
    """A linear layer with a weight of shape `(outputs, inputs)`."""

    weight: Tensor
    bias: Tensor

    def __call__(self, value: Tensor) -> Tensor:
        """Map the last axis."""
        return functional.linear(value, self.weight, self.bias)


@dataclass(frozen=True)
class LayerNorm:
    """A layer normalisation over the last axis."""

    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, value: Tensor) -> Tensor:
        """Normalise, then scale and shift."""
        return functional.layer_norm(value, self.weight.shape, self.weight, self.bias, self.eps)


Attention = Callable[[Tensor, Tensor, Tensor, PackedBatch], Tensor]
"""From each token's query, key and value, each `(tokens, heads, width)`, to a context like them."""


@dataclass(frozen=True)
class Layer:
    """One transformer layer.

    Attributes:
        query_key_value: The three projections of attention in one.
        attention_output: The projection after attention.
        attention_norm: The normalisation after that.
        intermediate: First half of the feed-forward network.
        output: Second half.
        output_norm: The normalisation after that.
    """

    query_key_value: Linear
    attention_output: Linear
    attention_norm: LayerNorm
    intermediate: Linear
    output: Linear
    output_norm: LayerNorm


@dataclass(frozen=True)
class TorchBert:
    """An encoder on its device.

    Attributes:
        words: Word embeddings.
        positions: Position embeddings with the token type's embedding added.
        norm: The normalisation after the embeddings.
        layers: The transformer layers.
        heads: Attention heads in a layer.
        attention: This device's implementation of attention.
        pooling: How token vectors become one vector.
    """

    words: Tensor
    positions: Tensor
    norm: LayerNorm
    layers: tuple[Layer, ...]
    heads: int
    attention: Attention
    pooling: Pooling


def build_bert(
    weights: Weights, config: BertConfig, pooling: Pooling, device: torch.device, dtype: torch.dtype
) -> TorchBert:
    """Put an encoder on a device.

    Args:
        weights: Tensors of the encoder.
        config: Sizes of the encoder.
        pooling: How token vectors become one vector.
        device: Where to compute.
        dtype: Number format to compute in.
    """

    def tensor(value: npt.NDArray[np.float32]) -> Tensor:
        return torch.tensor(value, dtype=dtype, device=device)

    def linear(name: str) -> Linear:
        weight, bias = linear_layer(weights, name)
        return Linear(tensor(weight), tensor(bias))

    def norm(name: str) -> LayerNorm:
        weight, bias = (tensor(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return LayerNorm(weight, bias, config.layer_norm_eps)

    def layer(name: str) -> Layer:
        return Layer(
            query_key_value=linear(f"{name}.attention.self"),
            attention_output=linear(f"{name}.attention.output.dense"),
            attention_norm=norm(f"{name}.attention.output.LayerNorm"),
            intermediate=linear(f"{name}.intermediate.dense"),
            output=linear(f"{name}.output.dense"),
            output_norm=norm(f"{name}.output.LayerNorm"),
        )

    return TorchBert(
        words=tensor(weights["embeddings.word_embeddings.weight"]),
        positions=tensor(position_table(weights, config)),
        norm=norm("embeddings.LayerNorm"),
        layers=tuple(layer(f"encoder.layer.{number}") for number in range(config.layers)),
        heads=config.heads,
        attention=_choose_attention(device, config.hidden_size // config.heads),
        pooling=pooling,
    )


def upload_batch(sequences: PackedSequences, batch: slice, device: torch.device) -> PackedBatch:
    """Copy a batch to a device, without waiting for what the device is computing.

    Args:
        sequences: All sequences.
        batch: A contiguous slice of them.
        device: Where to.
    """
    offsets = sequences.offsets[batch.start : batch.stop + 1]
    begin, end = offsets[0], offsets[-1]
    parts = (sequences.ids[begin:end], sequences.positions[begin:end], offsets - begin)
    host = torch.from_numpy(np.concatenate(parts, dtype=np.int32, casting="same_kind"))
    if device.type == "cuda":
        # From pageable memory, a copy would wait for everything queued on the GPU.
        host = host.pin_memory()
    on_device = host.to(device, non_blocking=True)
    ids, positions, begins = on_device.split([len(part) for part in parts])
    return PackedBatch(ids, positions, begins, np.diff(offsets))


def encode_batch(bert: TorchBert, batch: PackedBatch) -> Tensor:
    """Encode a batch. Call it in inference mode.

    Returns:
        float32 of shape `(sequences, hidden_size)`, L2-normalised, on the device.
    """
    words = functional.embedding(batch.ids, bert.words)
    hidden = bert.norm(words + functional.embedding(batch.positions, bert.positions))
    for layer in bert.layers:
        hidden = _encode_layer(bert, layer, hidden, batch)
    pooled = _mean(hidden, batch) if bert.pooling == "mean" else _first(hidden, batch)
    return functional.normalize(pooled, dim=1, eps=_SMALLEST_NORM)


def _encode_layer(bert: TorchBert, layer: Layer, hidden: Tensor, batch: PackedBatch) -> Tensor:
    projected = layer.query_key_value(hidden).unflatten(1, (3, bert.heads, -1))
    query, key, value = projected.unbind(1)
    context = bert.attention(query, key, value, batch)
    hidden = layer.attention_norm(hidden + layer.attention_output(context.flatten(1)))
    wide = functional.gelu(layer.intermediate(hidden))
    return layer.output_norm(hidden + layer.output(wide))


def _mean(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """Return the mean of each sequence's token vectors.

    `unsafe`, because a check of the arguments would wait for the device.
    """
    return torch.segment_reduce(hidden.float(), "mean", offsets=batch.offsets, axis=0, unsafe=True)


def _first(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """Return the vector of each sequence's first token, which is [CLS]."""
    return hidden.index_select(0, batch.offsets[:-1]).float()


def _choose_attention(device: torch.device, head_width: int) -> Attention:
    """Return a device's fastest attention that needs no padding."""
    fits = head_width % _FLASH_HEAD_STEP == 0 and head_width <= _FLASH_HEAD_MAX
    is_recent = (
        device.type == "cuda" and torch.cuda.get_device_capability(device) >= _FLASH_CAPABILITY
    )
    return _flash_attention if fits and is_recent else _grouped_attention


def _flash_attention(query: Tensor, key: Tensor, value: Tensor, batch: PackedBatch) -> Tensor:
    """Compute all sequences at once, in half precision on recent GPUs."""
    offsets, longest = batch.offsets, int(batch.lengths.max())
    return varlen_attn(query, key, value, offsets, offsets, longest, longest)


def _grouped_attention(query: Tensor, key: Tensor, value: Tensor, batch: PackedBatch) -> Tensor:
    """Compute neighbours of one length at once, on any device; few calls for sorted lengths."""
    contexts = []
    begin = 0
    for first, last, length in equal_length_runs(batch.lengths):
        end = begin + (last - first) * length
        rows = (
            part[begin:end].unflatten(0, (-1, length)).transpose(1, 2)
            for part in (query, key, value)
        )
        context = functional.scaled_dot_product_attention(*rows)
        contexts.append(context.transpose(1, 2).flatten(0, 1))
        begin = end
    return torch.cat(contexts)
