"""Models and texts of the tests, and the vectors that sentence-transformers made of the texts.

`benchmarks/reference_vectors.py` and `make_tiny_xlmr.py` write them.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from wiki_embeddings.encoders.cpu.processor import find_bfloat16_problem
from wiki_embeddings.encoders.protocol import TokenIds

needs_bfloat16 = pytest.mark.skipif(
    find_bfloat16_problem() is not None, reason=str(find_bfloat16_problem())
)
"""For tests of the engine `cpu` in bfloat16."""

FIXTURES = Path(__file__).parent.parent / "fixtures" / "encoders"

TINY = FIXTURES / "tiny_cls"
"""A random BERT with [CLS] pooling, two layers, heads of 16 and prompts before all texts."""

TINY_VOCABULARY = 132

TINY_XLMR = FIXTURES / "tiny_xlmr"
"""A random XLM-R with mean pooling and a Unigram tokenizer; see `make_tiny_xlmr.py`."""


def unpacked_xlmr(folder: Path) -> Path:
    """Copy the tiny XLM-R, whose tokenizer is stored compressed: it contains all of NFKC."""
    model = Path(shutil.copytree(TINY_XLMR, folder / "tiny_xlmr"))
    packed = model / "tokenizer.json.gz"
    (model / "tokenizer.json").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    return model


def reference_texts() -> list[str]:
    texts: list[str] = json.loads((FIXTURES / "texts.json").read_text(encoding="utf-8"))
    return texts


def reference_vectors(model: str, kind: str) -> npt.NDArray[np.float32]:
    with np.load(FIXTURES / f"{model}.npz") as arrays:
        vectors: npt.NDArray[np.float32] = arrays[kind]
        return vectors


def random_passages(
    lengths: Iterable[int], vocab_size: int = TINY_VOCABULARY, seed: int = 0
) -> list[TokenIds]:
    """Token ids of passages of these lengths, the same in each run."""
    rng = np.random.default_rng(seed)
    return [rng.integers(5, vocab_size, size=length, dtype=np.uint16) for length in lengths]


def cosines(
    left: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.floating[Any]]:
    """Cosine of each row of unit vectors with its counterpart."""
    products: npt.NDArray[np.floating[Any]] = np.einsum("ij,ij->i", left, right)
    return products


def copied_model(folder: Path) -> Path:
    """Copy the tiny model, so that a test may damage it."""
    return Path(shutil.copytree(TINY, folder / "model"))


def edit_json(file: Path, **changes: Any) -> None:
    """Set keys of a JSON file; remove those set to None."""
    content = json.loads(file.read_text(encoding="utf-8")) | changes
    kept = {key: value for key, value in content.items() if value is not None}
    file.write_text(json.dumps(kept), encoding="utf-8")
