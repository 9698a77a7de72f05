"""sentence-transformers as people run it on the same device, or why it cannot run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True)
class Setting:
    """A way to run sentence-transformers.

    Attributes:
        name: For the table.
        attention: transformers' name for the attention implementation.
        batch: Texts in a batch.
        needs_gpu: True if it runs on GPUs only.
    """

    name: str
    attention: str
    batch: int
    needs_gpu: bool = False


SETTINGS = (
    Setting("sentence-transformers, defaults", "sdpa", 32),
    Setting("sentence-transformers, batches of 256", "sdpa", 256, needs_gpu=True),
    Setting("sentence-transformers, unpadded", "flash_attention_2", 256, needs_gpu=True),
)


Model: TypeAlias = Any
"""A `SentenceTransformer`, which is untyped because it may not be installed."""


class MissingPeerError(Exception):
    """A peer cannot run here; the message says why."""


def load_peer(
    folder: Path, device: str, attention: str = "sdpa", *, half: bool | None = None
) -> Model:
    """Load a model in sentence-transformers, by default in float16 on a GPU.

    Raises:
        MissingPeerError: It is not installed, or cannot run this way here.
    """
    if find_spec("sentence_transformers") is None:
        raise MissingPeerError("sentence-transformers is not installed")
    from sentence_transformers import (  # type: ignore[import-not-found]  # only in .venv-bench
        SentenceTransformer,
    )
    from transformers.utils import logging  # type: ignore[import-not-found]  # as above

    logging.disable_progress_bar()
    half = device == "cuda" if half is None else half
    options = {
        "dtype": torch.float16 if half else torch.float32,
        "attn_implementation": attention,
    }
    try:
        model = SentenceTransformer(str(folder), device=device, model_kwargs=options)
    except ImportError as error:  # raised by transformers if flash attention is missing
        raise MissingPeerError(str(error).splitlines()[0]) from error
    if attention.startswith("flash") and not model[0].can_flatten_inputs:
        raise MissingPeerError("sentence-transformers pads this model anyway")
    return model


def time_encoding(model: Model, texts: Sequence[str], batch: int) -> float:
    """Return the wall time to encode some texts, including tokenising and sorting by length."""
    begun = time.perf_counter()
    model.encode(list(texts), batch_size=batch, show_progress_bar=False)
    return time.perf_counter() - begun


def encode(model: Model, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the unit vectors of some texts."""
    vectors: npt.NDArray[np.float32] = model.encode(
        list(texts), show_progress_bar=False, normalize_embeddings=True
    )
    return vectors
