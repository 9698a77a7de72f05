"""What this machine's processor computes in: the fastest precision, and what bfloat16 lacks."""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

from wiki_embeddings.encoders.protocol import Precision

_CPUINFO = Path("/proc/cpuinfo")

_BFLOAT16 = frozenset({"amx_bf16", "avx512_bf16"})
"""Extensions that multiply bfloat16; processors with the first have the second too."""

_NARROWEST_INT8 = 256
"""Rounding errors cancel out over the width of a model, and narrower models are fast anyway."""


def default_precision(dimensions: int) -> Precision:
    """Return the precision to compute a model in here; it never depends on timing.

    `int8` on x86-64 with AVX2, which every processor with VNNI has too; measured, see
    docs/performance.md. Other processors have not been measured and get `float32`.

    Args:
        dimensions: Width of the model.
    """
    is_wide = dimensions >= _NARROWEST_INT8
    return "int8" if is_wide and "avx2" in processor_flags() else "float32"


def find_bfloat16_problem() -> str | None:
    """Say why this machine cannot compute in bfloat16, and what to do; None if it can.

    Without instructions for it, bfloat16 would be no faster than float32.
    """
    if _BFLOAT16.isdisjoint(processor_flags()):
        return (
            "Its processor has no instructions for that (AMX or AVX-512 BF16). Choose float32, or "
            "int8, which is faster."
        )
    if find_spec("openvino") is None:
        return "OpenVINO is not installed: run pip install -e '.[openvino]', or choose float32."
    return None


def processor_flags() -> frozenset[str]:
    """Return the names of the processor's extensions; empty if the system does not list them."""
    if platform.machine() != "x86_64" or not _CPUINFO.is_file():
        return frozenset()
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())
