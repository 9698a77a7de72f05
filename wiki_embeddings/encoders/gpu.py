"""Whether there is a GPU to encode on: asked at every plan, so quick to say that there is none.

PyTorch, which takes seconds to import, is only imported where it may well find a GPU.
"""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec

_DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
"""NVIDIA's driver, by the name under which PyTorch loads it too."""


def why_no_gpu() -> str | None:
    """Says what is missing to compute on an NVIDIA GPU with PyTorch, and how to get it.

    Returns:
        One or two sentences for people; None if nothing is missing.
    """
    if find_spec("torch") is None:
        return "PyTorch is not installed. Install it with: pip install -e '.[cuda]'."
    if not _has_driver():
        return (
            "This machine has no NVIDIA GPU, or its driver is not installed. Take the engine cpu, "
            "or run on a machine with a GPU."
        )
    import torch

    if torch.version.cuda is None:
        return (
            f"The installed PyTorch {torch.__version__} is built without CUDA. Install the build "
            "from PyPI, or one for your CUDA version from pytorch.org."
        )
    if not torch.cuda.is_available():
        return (
            "PyTorch finds no usable GPU, although NVIDIA's driver is here. See what nvidia-smi "
            f"lists, whether its driver is recent enough for CUDA {torch.version.cuda}, and "
            "whether CUDA_VISIBLE_DEVICES hides the GPU."
        )
    if find_spec("torch.nn.attention.varlen") is None:
        return (
            f"PyTorch {torch.__version__} is too old to compute without padding. Install a newer "
            "one with: pip install -e '.[cuda]'."
        )
    return None


def _has_driver() -> bool:
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True
