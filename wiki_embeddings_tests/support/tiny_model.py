"""A tiny BERT with random weights and the real tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from wiki_embeddings.bundled import bundled_model

HIDDEN, INNER, LAYERS, HEADS = 32, 64, 1, 2


def write_tiny_model(folder: Path, **changes: int | str) -> Path:
    """Write the model's files: one layer, 32 dimensions, mean pooling, at most 256 tokens.

    Args:
        folder: A new folder.
        **changes: Changes to its configuration, such as the number of layers.
    """
    shutil.copytree(bundled_model(), folder, ignore=shutil.ignore_patterns("model.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_weights(config), folder / "model.safetensors")
    return folder


def _weights(config: dict[str, int]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)

    def matrix(*shape: int) -> np.ndarray:
        return random.normal(0, 0.3, shape).astype(np.float32)

    weights = {
        "embeddings.word_embeddings.weight": matrix(config["vocab_size"], HIDDEN),
        "embeddings.position_embeddings.weight": matrix(config["max_position_embeddings"], HIDDEN),
        "embeddings.token_type_embeddings.weight": matrix(config["type_vocab_size"], HIDDEN),
        **_norm("embeddings.LayerNorm"),
    }
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        for part, (out, into) in {
            "attention.self.query": (HIDDEN, HIDDEN),
            "attention.self.key": (HIDDEN, HIDDEN),
            "attention.self.value": (HIDDEN, HIDDEN),
            "attention.output.dense": (HIDDEN, HIDDEN),
            "intermediate.dense": (INNER, HIDDEN),
            "output.dense": (HIDDEN, INNER),
        }.items():
            weights[f"{name}.{part}.weight"] = matrix(out, into)
            weights[f"{name}.{part}.bias"] = matrix(out)
        weights |= _norm(f"{name}.attention.output.LayerNorm") | _norm(f"{name}.output.LayerNorm")
    return weights


def _norm(name: str) -> dict[str, np.ndarray]:
    return {
        f"{name}.weight": np.ones(HIDDEN, np.float32),
        f"{name}.bias": np.zeros(HIDDEN, np.float32),
    }
