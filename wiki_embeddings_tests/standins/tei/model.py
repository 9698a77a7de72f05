"""The model that the stand-in serves, loaded as TEI loads it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from wiki_embeddings_tests.standins.tei.bert import Bert

_CONFIG_KEYS = {
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "max_position_embeddings",
    "type_vocab_size",
    "initializer_range",
    "layer_norm_eps",
    "pad_token_id",
}
"""What TEI needs of a BERT; it does not know what to do where one lacks."""


class ServedModel:
    """A loaded model."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        """Load a model; end the program where TEI would."""
        folder = Path(arguments["model-id"])
        if not folder.is_dir():
            fail("Could not download model artifacts", "the stand-in has no network")
        config = _read(folder / "config.json")
        if "architectures" not in config or "model_type" not in config:
            fail("Failed to parse `config.json`", "missing field `architectures`")
        self.pooling: str = arguments["pooling"] or _pooling(folder)
        self.max_input_length = _max_input_length(folder, config, arguments)
        if lacking := sorted(_CONFIG_KEYS - config.keys()):
            fail("Could not create backend", f"Model is not supported: missing {lacking}")
        self.dtype = arguments["dtype"]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._bert = Bert(folder, config)

    def read(self, given: str | list[int]) -> list[int]:
        """Token ids of an input, as TEI reads it."""
        if isinstance(given, str):
            return list(self._tokenizer.encode(given).ids)
        return read_ids(self._tokenizer, given)

    def embed(self, sequences: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Unit vectors of sequences of token ids, special tokens included."""
        vectors = np.stack([self._bert.unit_vector(ids, self.pooling) for ids in sequences])
        if self.dtype == "float16":
            vectors = vectors.astype(np.float16).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def read_ids(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """Token ids after TEI's way through text, special tokens included."""
    text = tokenizer.decode(list(ids), skip_special_tokens=False)
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def fail(message: str, cause: str) -> NoReturn:
    """End the program as TEI does when it cannot start."""
    sys.exit(f"Error: {message}\n\nCaused by:\n    {cause}")


def _pooling(folder: Path) -> str:
    file = folder / "1_Pooling" / "config.json"
    if not file.exists():
        return "cls"
    config = _read(file)
    if not {"pooling_mode_cls_token", "pooling_mode_mean_tokens"} <= config.keys():
        fail("Failed to parse `1_Pooling/config.json`", "missing field `pooling_mode_cls_token`")
    return "cls" if config["pooling_mode_cls_token"] else "mean"


def _max_input_length(folder: Path, config: Mapping[str, Any], arguments: Mapping[str, Any]) -> int:
    file = folder / "sentence_bert_config.json"
    if file.exists() and "max_seq_length" not in _read(file):
        fail("Failed to parse `sentence_bert_config.json`", "missing field `max_seq_length`")
    source, key = (_read(file), "max_seq_length") if file.exists() else (config, "n_positions")
    length = int(source.get(key, config["max_position_embeddings"]))
    if length <= arguments["max-batch-tokens"]:
        return length
    if not arguments["auto-truncate"]:
        fail("The maximum input length exceeds `--max-batch-tokens`", f"it is {length}")
    return int(arguments["max-batch-tokens"])


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
