"""Two kernels in Triton, for steps that PyTorch computes through the GPU's memory.

Each reads its inputs once and writes its output once. Sums are in float32, products of matrices in
the precision of the input. Triton's interpreter (`TRITON_INTERPRET=1`) runs both on a processor.

The sizes of blocks were the fastest of those measured on an H100; docs/performance.md has them.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_NORM_ROWS = 4
_NORM_WARPS = 4
"""Rows of a program of `add_norm`, and the warps that compute them."""

_QUERIES = 64
"""Queries of a program of `attend`."""

_LOG2_E = 1.4426950408889634
"""GPUs have an instruction for powers of two: exp(x) = exp2(x * log2(e))."""


def add_norm(value: Tensor, residual: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Add two values, then apply layer normalisation (Ba, Kiros and Hinton, 2016) to each row.

    Args:
        value: Contiguous, of shape `(rows, width)`.
        residual: Like `value`.
        weight: Scale after the normalisation, of shape `(width,)`.
        bias: Shift after it, likewise.
        eps: Added to the variance.

    Returns:
        Like `value`.
    """
    rows, width = value.shape
    result = torch.empty_like(value)
    if rows:
        grid = (triton.cdiv(rows, _NORM_ROWS),)
        _add_norm[grid](
            value,
            residual,
            weight,
            bias,
            result,
            rows,
            eps,
            width,
            triton.next_power_of_2(width),
            _NORM_ROWS,
            num_warps=_NORM_WARPS,
        )
    return result


def attend(query_key_value: Tensor, heads: int, offsets: Tensor, longest: int) -> Tensor:
    """Compute attention within each of several packed sequences, without a mask or padding.

    A program takes a block of queries of one head and walks over the keys of their sequence with
    the running maximum and sum of the softmax (FlashAttention-2: Dao, 2023, algorithm 1).

    Args:
        query_key_value: Contiguous, of shape `(tokens, 3 * heads * width)`, where the width of a
            head is a power of two, at least 16.
        heads: Number of heads.
        offsets: Where each sequence begins and the last one ends, int32 of shape
            `(sequences + 1,)`.
        longest: Tokens of the longest sequence.

    Returns:
        The context of each token, of shape `(tokens, heads * width)`.
    """
    hidden = query_key_value.shape[1] // 3
    width = hidden // heads
    result = query_key_value.new_empty((len(query_key_value), hidden))
    blocks = triton.cdiv(longest, _QUERIES)
    sequences = len(offsets) - 1
    if blocks and sequences:
        keys, warps, stages = attention_blocks(width)
        # One axis, because the others end at 65,535, and there may be more sequences than that.
        _attend[(sequences * heads * blocks,)](
            query_key_value,
            result,
            offsets,
            blocks,
            width**-0.5 * _LOG2_E,
            heads,
            width,
            _QUERIES,
            keys,
            num_warps=warps,
            num_stages=stages,
        )
    return result


def attention_blocks(width: int) -> tuple[int, int, int]:
    """Return keys of a step of `attend`, warps of a program and stages of its pipeline.

    Args:
        width: Width of a head.
    """
    return (32, 2, 3) if width <= 32 else (64, 4, 2)


# Without `do_not_specialize`, Triton would compile a kernel again for numbers that are 1 or
# multiples of 16, in the middle of the work. To a kernel, each pointer and number is a `tl.tensor`.


@triton.jit(do_not_specialize=["rows"])  # type: ignore[untyped-decorator]
def _add_norm(  # noqa: PLR0917 (a kernel takes pointers and sizes one by one)
    value: tl.tensor,
    residual: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    result: tl.tensor,
    rows: tl.tensor,
    eps: tl.tensor,
    width: tl.constexpr,
    columns: tl.constexpr,  # the width, rounded up to a power of two
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0) * block + tl.arange(0, block)
    column = tl.arange(0, columns)
    in_row = column < width
    inside = (row[:, None] < rows) & in_row[None, :]
    places = row[:, None].to(tl.int64) * width + column[None, :]
    total = tl.load(value + places, inside, 0.0).to(tl.float32)
    total += tl.load(residual + places, inside, 0.0).to(tl.float32)
    mean = tl.sum(total, 1) / width
    centred = tl.where(in_row[None, :], total - mean[:, None], 0.0)
    scale = tl.rsqrt(tl.sum(centred * centred, 1) / width + eps)
    weights = tl.load(weight + column, in_row, 0.0).to(tl.float32)
    shifts = tl.load(bias + column, in_row, 0.0).to(tl.float32)
    normalised = centred * scale[:, None] * weights[None, :] + shifts[None, :]
    tl.store(result + places, normalised.to(result.dtype.element_ty), inside)


@triton.jit(do_not_specialize=["blocks"], do_not_specialize_on_alignment=["offsets"])  # type: ignore[untyped-decorator]
def _attend(  # noqa: PLR0917 (likewise)
    query_key_value: tl.tensor,
    result: tl.tensor,
    offsets: tl.tensor,
    blocks: tl.tensor,
    scale: tl.tensor,
    heads: tl.constexpr,
    width: tl.constexpr,
    queries: tl.constexpr,
    keys: tl.constexpr,
) -> None:
    # Programs that read the same keys run one after another, so that the cache still has them.
    block = tl.program_id(0) % blocks
    head = tl.program_id(0) // blocks % heads
    sequence = tl.program_id(0) // blocks // heads
    begin = tl.load(offsets + sequence)
    length = tl.load(offsets + sequence + 1) - begin
    if block * queries >= length:
        return
    stride: tl.constexpr = 3 * heads * width
    dtype: tl.constexpr = result.dtype.element_ty
    query_row = block * queries + tl.arange(0, queries)
    column = tl.arange(0, width)
    source = query_key_value + begin.to(tl.int64) * stride + head * width
    is_query = query_row[:, None] < length
    query = tl.load(source + query_row[:, None] * stride + column[None, :], is_query, 0.0)
    query = (query * scale).to(dtype)
    maximum = tl.full((queries,), float("-inf"), tl.float32)
    total = tl.zeros((queries,), tl.float32)
    context = tl.zeros((queries, width), tl.float32)
    for first in range(0, length, keys):
        key_row = first + tl.arange(0, keys)
        is_key = key_row < length
        key_places = source + heads * width + key_row[None, :] * stride + column[:, None]
        key = tl.load(key_places, is_key[None, :], 0.0)
        value_places = source + 2 * heads * width + key_row[:, None] * stride + column[None, :]
        value = tl.load(value_places, is_key[:, None], 0.0)
        score = tl.where(is_key[None, :], tl.dot(query, key), float("-inf"))
        new_maximum = tl.maximum(maximum, tl.max(score, 1))
        weight = tl.exp2(score - new_maximum[:, None])
        correction = tl.exp2(maximum - new_maximum)
        total = total * correction + tl.sum(weight, 1)
        context = tl.dot(weight.to(dtype), value, context * correction[:, None])
        maximum = new_maximum
    places = (begin + query_row)[:, None].to(tl.int64) * (heads * width) + column[None, :]
    context = (context / total[:, None]).to(dtype)
    tl.store(result + head * width + places, context, is_query)
