"""Tells which numbers this machine's processor multiplies fastest."""

from __future__ import annotations

import platform
from pathlib import Path

from wiki_embeddings.encoders.protocol import Precision

_CPUINFO = Path("/proc/cpuinfo")

_NARROWEST = 256
"""Rounding errors cancel out over the width of a model, and narrower ones are quick anyway."""


def fastest_precision(dimensions: int) -> Precision:
    """What a model is computed in here, if nobody says: never a matter of timing.

    `int8` on x86-64 with AVX2, which every processor with VNNI has too; measured, see
    docs/performance.md. Other processors have not been measured, and get `float32`.

    Args:
        dimensions: Width of the model.
    """
    return "int8" if dimensions >= _NARROWEST and "avx2" in processor_flags() else "float32"


def processor_flags() -> frozenset[str]:
    """Names of the extensions that the processor has; none where the system does not list them."""
    if platform.machine() != "x86_64" or not _CPUINFO.is_file():
        return frozenset()
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
