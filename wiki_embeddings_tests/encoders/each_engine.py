"""Loads models in each engine that runs on this machine's processor, in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings_tests.encoders.references import TINY


def cpu_encoder(model: Path | None = TINY) -> Encoder:
    return encoders.load(model, "cpu", precision="float32")


def cuda_encoder(model: Path | None = TINY, device: str = "cpu", **options: Any) -> Encoder:
    """Load a model in the engine `cuda`, on the processor by default."""
    pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")
    from wiki_embeddings.encoders.cuda.encoder import CudaEncoder

    return CudaEncoder(resolve(model), encoders.describe(model, "cpu"), device=device, **options)


each_engine = pytest.mark.parametrize("load", [cpu_encoder, cuda_encoder])
