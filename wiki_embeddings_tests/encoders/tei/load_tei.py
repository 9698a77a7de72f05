"""Loads encoders of the engine `tei` for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from wiki_embeddings.encoders import describe
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.protocol import Precision
from wiki_embeddings.encoders.tei import TeiEncoder, runtime


def load_tei(
    model: Path | None, precision: Precision = "float32", *, start_timeout_s: float = 60.0
) -> TeiEncoder:
    """Load a model in a precision that a test can compare with other engines."""
    info = replace(describe(model, "cpu"), engine="tei", runtime=runtime(), precision=precision)
    return TeiEncoder(resolve(model), info, start_timeout_s=start_timeout_s)
