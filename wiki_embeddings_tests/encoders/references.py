"""What sentence-transformers made of the reference texts; see `benchmarks/reference_vectors.py`."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FIXTURES = Path(__file__).parent.parent / "fixtures" / "encoders"

TINY = FIXTURES / "tiny_cls"
"""A random BERT with [CLS] pooling, two layers, heads of 16 and prompts before all texts."""

TINY_XLMR = FIXTURES / "tiny_xlmr"
"""A random XLM-R with mean pooling and a Unigram tokenizer; see `make_tiny_xlmr.py`."""


def unpacked_xlmr(folder: Path) -> Path:
    """A copy of the tiny XLM-R, whose tokenizer is stored compressed: it holds all of NFKC."""
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


def copied_model(folder: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(TINY, folder / "model"))


def edit_json(file: Path, **changes: Any) -> None:
    """Sets keys of a JSON file; a key set to None is removed."""
    content = json.loads(file.read_text(encoding="utf-8")) | changes
    kept = {key: value for key, value in content.items() if value is not None}
    file.write_text(json.dumps(kept), encoding="utf-8")
