"""Whether there is a GPU to encode on: asked at every plan, so quick to say that there is none.

PyTorch, which takes seconds to import, is only imported where it may well find a GPU.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""NVIDIA's driver, by the name under which PyTorch loads it too."""


_HIDDEN = ("", "-1")
"""Values of CUDA_VISIBLE_DEVICES that leave a program no GPU at all."""


@dataclass(frozen=True)
class Lack:
    """What is missing to compute on a GPU.

    Attributes:
        reason: One or two sentences for people: what it is, and how to get it.
        is_fault: Whether this machine is meant to have a GPU that works. Going on without one
            would be a hundred times slower than somebody pays for.
    """

    reason: str
    is_fault: bool = False


def lack_of_gpu() -> Lack | None:
    """Finds what is missing to compute on an NVIDIA GPU with PyTorch; None if nothing is."""
    if find_spec("torch") is None:
        return Lack("PyTorch is not installed. Install it with: pip install -e '.[cuda]'.")
    if not _has_driver():
        return Lack(
            "This machine has no NVIDIA GPU, or its driver is not installed. Take the engine cpu, "
            "or run on a machine with a GPU."
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in _HIDDEN:
        return Lack(
            "CUDA_VISIBLE_DEVICES hides every GPU. Unset it, or give it the number of a GPU that "
            "nvidia-smi lists."
        )
    return _lack_of_torch()


def _lack_of_torch() -> Lack | None:
    """What PyTorch lacks where it is installed, beside NVIDIA's driver."""
    import torch

    if torch.version.cuda is None:
        return Lack(
            f"The installed PyTorch {torch.__version__} is built without CUDA. Install the build "
            "from PyPI, or one for your CUDA version from pytorch.org."
        )
    if not torch.cuda.is_available():
        return Lack(
            "PyTorch finds no usable GPU, although NVIDIA's driver is here. See what nvidia-smi "
            f"lists, whether its driver is recent enough for CUDA {torch.version.cuda}, and "
            "whether CUDA_VISIBLE_DEVICES names a GPU that there is.",
            is_fault=True,
        )
    if find_spec("torch.nn.attention.varlen") is None:
        return Lack(
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
