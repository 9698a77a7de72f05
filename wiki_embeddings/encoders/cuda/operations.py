"""The steps of a transformer layer that can be computed in more than one way.

`plain_operations` are PyTorch's own, on any device; tests compare with them. `fused_operations`
keep intermediate values in a GPU's registers instead of its memory, and are chosen where they can
run. Each step maps packed tokens to packed tokens; none knows of padding.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn

from wiki_embeddings.encoders.batching import equal_length_runs

log = logging.getLogger(__name__)

_AMPERE = (8, 0)
"""Compute capability of the oldest GPUs that FlashAttention and Triton both support."""

_FLASH_HEAD_STEP, _FLASH_HEAD_MAX = 8, 256
"""Head widths that FlashAttention supports: multiples of the one, up to the other."""

_FUSED_HEADS = (32, 64)
"""Head widths that our own attention was measured with; other models' heads are as wide."""


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


@dataclass(frozen=True)
class Operations:
    """One way to compute the steps of a layer.

    Attributes:
        attend: From each token's query, key and value, `(tokens, 3 * heads * width)`, with the
            number of heads and the batch, to its context, `(tokens, heads * width)`.
        add_norm: The normalised sum of two values of shape `(tokens, hidden_size)`.
        linear_gelu: A linear layer and a gelu.
    """

    attend: Callable[[Tensor, int, PackedBatch], Tensor]
    add_norm: Callable[[Tensor, Tensor, LayerNorm], Tensor]
    linear_gelu: Callable[[Tensor, Linear], Tensor]


def choose_operations(device: torch.device, head_width: int) -> Operations:
    """Return the fastest operations that a device can run for heads of this width."""
    plain = plain_operations(device, head_width)
    if not _is_recent(device) or head_width not in _FUSED_HEADS or find_spec("triton") is None:
        return plain
    from triton.errors import TritonError

    fused = fused_operations()
    try:
        _try(fused, device, head_width)
    except (TritonError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        # Triton needs a C compiler, Python's headers and a folder for its cache.
        log.warning(
            "Triton cannot compile kernels here, so the GPU computes with PyTorch's own, which "
            "take half as long again: %s: %s",
            type(error).__name__,
            str(error).strip().partition("\n")[0],
        )
        return plain
    return fused


def plain_operations(device: torch.device, head_width: int) -> Operations:
    """Return PyTorch's own operations, with its fastest attention that needs no padding."""
    fits = head_width % _FLASH_HEAD_STEP == 0 and head_width <= _FLASH_HEAD_MAX
    return Operations(
        attend=_flash_attention if fits and _is_recent(device) else _grouped_attention,
        add_norm=lambda value, residual, norm: norm(value + residual),
        linear_gelu=lambda value, linear: functional.gelu(linear(value)),
    )


def fused_operations() -> Operations:
    """Return operations in Triton, and gelu in the epilogue of the matrix product."""
    from wiki_embeddings.encoders.cuda import kernels  # loads Triton

    return Operations(
        attend=lambda qkv, heads, batch: kernels.attend(
            qkv, heads, batch.offsets, int(batch.lengths.max(initial=0))
        ),
        add_norm=lambda value, residual, norm: kernels.add_norm(
            value, residual, norm.weight, norm.bias, norm.eps
        ),
        linear_gelu=_linear_gelu_epilogue,
    )


def _is_recent(device: torch.device) -> bool:
    return device.type == "cuda" and bool(torch.cuda.get_device_capability(device) >= _AMPERE)


def _try(operations: Operations, device: torch.device, head_width: int) -> None:
    """Compile and run the kernels once on three tokens, so that a fault shows before any work."""
    heads, tokens = 2, 3
    rows = torch.zeros(tokens, heads * head_width, dtype=torch.float16, device=device)
    offsets = torch.tensor([0, tokens], dtype=torch.int32, device=device)
    batch = PackedBatch(offsets, offsets, offsets, np.array([tokens]))
    context = operations.attend(torch.cat([rows] * 3, dim=1), heads, batch)
    operations.add_norm(context, rows, LayerNorm(rows[0], rows[0], eps=1e-12))
    torch.cuda.synchronize(device)


def _linear_gelu_epilogue(value: Tensor, linear: Linear) -> Tensor:
    """Apply bias and gelu to the product while it is still in registers: cuBLASLt's epilogue.

    There, gelu is the tanh approximation (cuBLASLt's manual, CUBLASLT_EPILOGUE_GELU_BIAS): over
    the 66 reference texts its vectors have a lowest cosine of 0.999996 with the exact ones.
    `torch.compile` calls the same function; there is no public name for it yet.
    """
    return torch._addmm_activation(linear.bias, value, linear.weight.t(), use_gelu=True)


def _flash_attention(query_key_value: Tensor, heads: int, batch: PackedBatch) -> Tensor:
    """Compute all sequences at once, in half precision on recent GPUs."""
    query, key, value = query_key_value.unflatten(1, (3, heads, -1)).unbind(1)
    offsets, longest = batch.offsets, int(batch.lengths.max())
    return varlen_attn(query, key, value, offsets, offsets, longest, longest).flatten(1)


def _grouped_attention(query_key_value: Tensor, heads: int, batch: PackedBatch) -> Tensor:
    """Compute neighbours of one length at once, on any device; few calls for sorted lengths."""
    parts = query_key_value.unflatten(1, (3, heads, -1)).unbind(1)
    contexts = []
    begin = 0
    for first, last, length in equal_length_runs(batch.lengths):
        end = begin + (last - first) * length
        rows = (part[begin:end].unflatten(0, (-1, length)).transpose(1, 2) for part in parts)
        context = functional.scaled_dot_product_attention(*rows)
        contexts.append(context.transpose(1, 2).flatten(0, 1))
        begin = end
    return torch.cat(contexts).flatten(1)
