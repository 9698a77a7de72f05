"""Measures the chip itself: how fast it multiplies matrices and copies bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

_TRIES = 5
_WARM_S = 0.2
"""Long enough for a GPU to leave its idle clocks."""


@dataclass(frozen=True)
class ChipRates:
    """Rates of a device, each the best of several tries.

    Attributes:
        name: The device's own name.
        matrix_flops: Operations per second for the best size of square matrices, in the encoder's
            precision on this device.
        matrix_side: That size.
        copy_bytes: Bytes per second read and written, added up, by a copy within its memory.
        upload_bytes: Bytes per second from pinned host memory; None without a GPU.
    """

    name: str
    matrix_flops: float
    matrix_side: int
    copy_bytes: float
    upload_bytes: float | None


def measure_chip(device: str, matrix_sides: tuple[int, ...], copied_bytes: int) -> ChipRates:
    """Measure a device.

    Args:
        device: `cuda` or `cpu`.
        matrix_sides: Sizes of square matrices to multiply.
        copied_bytes: Size of the copies.
    """
    on_gpu = device == "cuda"
    flops = {side: _matrix_flops(device, side) for side in matrix_sides}
    side = max(flops, key=lambda side: flops[side])
    source = torch.empty(copied_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    upload = None
    if on_gpu:
        host = torch.empty(copied_bytes, dtype=torch.uint8, pin_memory=True)
        upload = copied_bytes / _seconds(lambda: target.copy_(host, non_blocking=True), device)
    return ChipRates(
        name=torch.cuda.get_device_name() if on_gpu else "the processor",
        matrix_flops=flops[side],
        matrix_side=side,
        copy_bytes=2 * copied_bytes / _seconds(lambda: target.copy_(source), device),
        upload_bytes=upload,
    )


def _matrix_flops(device: str, side: int) -> float:
    dtype = torch.float16 if device == "cuda" else torch.float32
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    return 2.0 * side**3 / _seconds(lambda: torch.mm(left, right, out=product), device)


def _seconds(work: Callable[[], object], device: str) -> float:
    """Return the shortest time of some work, repeated to make the cost of waiting negligible."""
    begun = time.perf_counter()
    repeats = 0
    while time.perf_counter() - begun < _WARM_S:
        work()
        repeats += 1
        synchronize(device)
    tries = []
    for _ in range(_TRIES):
        begun = time.perf_counter()
        for _ in range(repeats):
            work()
        synchronize(device)
        tries.append((time.perf_counter() - begun) / repeats)
    return min(tries)


def synchronize(device: str) -> None:
    """Wait until a device has finished everything in its queue."""
    if device == "cuda":
        torch.cuda.synchronize()
