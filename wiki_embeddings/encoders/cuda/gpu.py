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

_MANAGEMENT = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
"""NVIDIA's Management Library (NVML), which comes with the driver and knows its release."""

_RELEASE_BYTES = 80
"""NVML's own size of a release's buffer, NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE."""

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
        return GpuProblem(_why_unusable(torch.version.cuda), is_fault=True)
    if find_spec("torch.nn.attention.varlen") is None:
        return GpuProblem(
            f"PyTorch {torch.__version__} is too old to compute without padding. Install a newer "
            "one with: pip install -e '.[cuda]'.",
            is_fault=True,
        )
    return None


def _why_unusable(cuda: str) -> str:
    """Say why PyTorch finds no GPU, on a machine with NVIDIA's driver.

    Args:
        cuda: The CUDA that PyTorch is built for, such as `13.0`.
    """
    supported, release = _supported_cuda(), _driver_release()
    named = f" {release}" if release else ""
    if supported and _numbers(supported) < _numbers(cuda):
        return (
            f"NVIDIA's driver{named} here is too old: it supports CUDA {supported} at most, and "
            f"this PyTorch is built for CUDA {cuda}. Install a newer driver (CUDA 13 needs release "
            f"580), or a PyTorch for CUDA {supported} from pytorch.org. On Modal, with its own "
            "drivers, pin such a PyTorch in requirements/gpu.txt, and deploy again."
        )
    version = named + (f" (for CUDA {supported})" if supported else "")
    return (
        f"PyTorch, built for CUDA {cuda}, finds no usable GPU, although NVIDIA's driver{version} "
        "is installed. Check what nvidia-smi lists, and whether CUDA_VISIBLE_DEVICES names an "
        "existing GPU."
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _supported_cuda() -> str:
    """Return the newest CUDA that the driver supports, such as `12.8`; empty if it does not say."""
    version = ctypes.c_int()
    try:
        status = ctypes.CDLL(_DRIVER).cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return ""
    return "" if status else f"{version.value // 1000}.{version.value % 1000 // 10}"


def _driver_release() -> str:
    """Return the driver's release, such as `570.86.15`; empty if NVML does not say."""
    release = ctypes.create_string_buffer(_RELEASE_BYTES)
    try:
        library = ctypes.CDLL(_MANAGEMENT)
        failed = library.nvmlInit_v2() or library.nvmlSystemGetDriverVersion(
            release, _RELEASE_BYTES
        )
    except (OSError, AttributeError):
        return ""
    return "" if failed else release.value.decode()


def _has_driver() -> bool:
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True
