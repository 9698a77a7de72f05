"""Finds out whether a GPU can be used. Every plan asks, so it must be quick when there is no GPU.

PyTorch takes seconds to import, so it is imported only on machines that may have a GPU.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""NVIDIA's driver, by the name under which PyTorch loads it too."""

_NO_DEVICES = ("", "-1")
"""Values of CUDA_VISIBLE_DEVICES that hide every GPU."""


@dataclass(frozen=True)
class GpuProblem:
    """Why no GPU can be used.

    Attributes:
        reason: One or two sentences for people: what is missing, and how to get it.
        is_fault: True if this machine should have a working GPU. Computing without it would be a
            hundred times slower than paid for.
    """

    reason: str
    is_fault: bool = False


def find_gpu_problem() -> GpuProblem | None:
    """Return why PyTorch cannot compute on an NVIDIA GPU here, or None if it can."""
    if find_spec("torch") is None:
        return GpuProblem("PyTorch is not installed. Install it with: pip install -e '.[cuda]'.")
    if not _has_driver():
        return GpuProblem(
            "This machine has no NVIDIA GPU, or its driver is not installed. Choose the engine "
            "cpu, or run on a machine with a GPU."
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in _NO_DEVICES:
        return GpuProblem(
            "CUDA_VISIBLE_DEVICES hides every GPU. Unset it, or set it to the number of a GPU that "
            "nvidia-smi lists."
        )
    return _find_torch_problem()


def _find_torch_problem() -> GpuProblem | None:
    """Return what is wrong with PyTorch, on a machine with PyTorch and NVIDIA's driver."""
    import torch

    if torch.version.cuda is None:
        return GpuProblem(
            f"The installed PyTorch {torch.__version__} is built without CUDA. Install the build "
            "from PyPI, or one for your CUDA version from pytorch.org."
        )
    if not torch.cuda.is_available():
        return GpuProblem(
            "PyTorch finds no usable GPU, although NVIDIA's driver is installed. Check what "
            "nvidia-smi lists, whether the driver is recent enough for CUDA "
            f"{torch.version.cuda}, and whether CUDA_VISIBLE_DEVICES names an existing GPU.",
            is_fault=True,
        )
    if find_spec("torch.nn.attention.varlen") is None:
        return GpuProblem(
            f"PyTorch {torch.__version__} is too old to compute without padding. Install a newer "
            "one with: pip install -e '.[cuda]'.",
            is_fault=True,
        )
    return None


def _has_driver() -> bool:
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True
