"""Models to measure: variants of the bundled one, and random ones of the usual sizes.

The values of a model's weights do not affect its speed, so other sizes are measured with random
weights. Agreement is tested with trained weights only: vectors of random models are all alike.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from wiki_embeddings import encoders
from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder
from wiki_embeddings.encoders.models.config import read_model_config
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.models.weights import WEIGHTS, tensor_shapes

_SEED = 20261123


@dataclass(frozen=True)
class Size:
    """Size of a BERT encoder.

    Attributes:
        layers: Number of transformer layers.
        heads: Attention heads in a layer.
        hidden_size: Length of a token's vector.
        intermediate_size: Width of the feed-forward network.
        pooling: That model's pooling.
        like: A model of this size.
    """

    layers: int
    heads: int
    hidden_size: int
    intermediate_size: int
    pooling: str
    like: str


SIZES: Mapping[str, Size] = {
    "minilm": Size(6, 12, 384, 1536, "mean", "all-MiniLM-L6-v2"),
    "small": Size(12, 12, 384, 1536, "cls", "bge-small-en-v1.5"),
    "base": Size(12, 12, 768, 3072, "cls", "bge-base-en-v1.5"),
    "large": Size(24, 16, 1024, 4096, "cls", "bge-large-en-v1.5"),
}


def our_encoder(folder: Path, device: str) -> CudaEncoder:
    """Load a model in the engine `cuda`: in float16 on a GPU, in float32 on the processor."""
    info = replace(
        encoders.describe(folder, "cpu", precision="float32"),
        engine="cuda",
        runtime=f"torch {torch.__version__}",
        precision="float16" if device == "cuda" else "float32",
    )
    return CudaEncoder(resolve(folder), info, device=device)


def random_model(folder: Path, size: Size) -> Path:
    """Write a model of some size with random weights and the bundled model's tokenizer."""
    _write_settings(
        folder,
        size.pooling,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        hidden_size=size.hidden_size,
        intermediate_size=size.intermediate_size,
    )
    rng = np.random.default_rng(_SEED)
    weights = {}
    for name, shape in tensor_shapes(read_model_config(folder).require_bert()).items():
        middle = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        values = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.02)
        weights[name] = (values + np.float32(middle)).astype(np.float16)
    # Does not affect the vectors, but transformers warns if it is missing.
    weights["pooler.dense.weight"] = np.zeros((size.hidden_size,) * 2, dtype=np.float16)
    weights["pooler.dense.bias"] = np.zeros(size.hidden_size, dtype=np.float16)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    return folder


def bundled_copy(folder: Path, pooling: str) -> Path:
    """Copy the bundled model, set to read 512 tokens and to pool by `mean` or `cls`."""
    _write_settings(folder, pooling)
    shutil.copyfile(bundled_model() / WEIGHTS, folder / WEIGHTS)
    return folder


def _write_settings(folder: Path, pooling: str, **config: int) -> None:
    """Write all files of a model but its weights."""
    source = bundled_model()
    folder.mkdir(parents=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "modules.json"):
        shutil.copyfile(source / name, folder / name)
    original = json.loads((source / "config.json").read_text(encoding="utf-8"))
    _write_json(folder / "config.json", {**original, **config})
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": 512})
    pooled = {
        "word_embedding_dimension": config.get("hidden_size", original["hidden_size"]),
        "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean",
    }
    _write_json(folder / "1_Pooling" / "config.json", pooled)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
