"""A BERT encoder in PyTorch: packed sequences in, unit vectors out.

There is no padding, so no mask and no wasted work: attention and pooling know where each sequence
begins. Built directly from the weights' tensors, without transformers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from wiki_embeddings.encoders.cuda.operations import (
    LayerNorm,
    Linear,
    Operations,
    PackedBatch,
    choose_operations,
)
from wiki_embeddings.encoders.cuda.packing import PackedSequences
from wiki_embeddings.encoders.models.config import BertConfig
from wiki_embeddings.encoders.models.weights import Weights, linear_layer, position_table
from wiki_embeddings.encoders.protocol import Pooling

_SMALLEST_NORM = 1e-12
"""Keeps the normalisation from dividing by zero; the same as in sentence-transformers."""


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
        operations: This device's way to compute the steps of a layer.
        pooling: How token vectors become one vector.
    """

    words: Tensor
    positions: Tensor
    norm: LayerNorm
    layers: tuple[Layer, ...]
    heads: int
    operations: Operations
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
        operations=choose_operations(device, config.hidden_size // config.heads),
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
    positions = functional.embedding(batch.positions, bert.positions)
    hidden = bert.operations.add_norm(words, positions, bert.norm)
    for layer in bert.layers[:-1]:
        hidden = _encode_layer(bert, layer, hidden, batch)
    last = bert.layers[-1]
    if bert.pooling == "mean":
        pooled = _mean(_encode_layer(bert, last, hidden, batch), batch)
    else:
        pooled = _encode_layer(bert, last, hidden, batch, only_first=True).float()
    return functional.normalize(pooled, dim=1, eps=_SMALLEST_NORM)


def _encode_layer(
    bert: TorchBert, layer: Layer, hidden: Tensor, batch: PackedBatch, *, only_first: bool = False
) -> Tensor:
    """Compute a layer, by choice only for each sequence's first token, which is [CLS].

    After the last layer's attention, the vectors of the other tokens would be computed in vain.
    """
    compute = bert.operations
    context = compute.attend(layer.query_key_value(hidden), bert.heads, batch)
    if only_first:
        first = batch.offsets[:-1]
        context, hidden = context.index_select(0, first), hidden.index_select(0, first)
    hidden = compute.add_norm(layer.attention_output(context), hidden, layer.attention_norm)
    wide = compute.linear_gelu(hidden, layer.intermediate)
    return compute.add_norm(layer.output(wide), hidden, layer.output_norm)


def _mean(hidden: Tensor, batch: PackedBatch) -> Tensor:
    """Return the mean of each sequence's token vectors.

    `unsafe`, because a check of the arguments would wait for the device.
    """
    return torch.segment_reduce(hidden.float(), "mean", offsets=batch.offsets, axis=0, unsafe=True)
