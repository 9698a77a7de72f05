"""Reads the JSON files of a model's folder and turns their faults into errors for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wiki_embeddings.errors import BadInputError

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
MODULES = "modules.json"
TRANSFORMER_CONFIG = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
VOCABULARY = "vocab.txt"
ADDED_TOKENS = "added_tokens.json"
SPECIAL_TOKENS = "special_tokens_map.json"

TRANSFORMER_CONFIGS = (
    TRANSFORMER_CONFIG,
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
"""Names under which sentence-transformers has saved one and the same file, in the order in which it
looks for them."""

SUPPORTED = (
    "BERT and XLM-R encoders with absolute positions and the activation gelu, a tokenizer of one "
    "of these families, and mean or first-token pooling, such as BAAI/bge-small-en-v1.5, "
    "intfloat/e5-small-v2, intfloat/multilingual-e5-small, thenlper/gte-small or "
    "sentence-transformers/all-MiniLM-L6-v2"
)


def positive_int(config: Mapping[str, Any], keys: str | Sequence[str], file: Path) -> int:
    """Read a positive integer, under the first of several keys that is present.

    Raises:
        BadInputError: It is missing or something else.
    """
    names = [keys] if isinstance(keys, str) else keys
    key = next((name for name in names if name in config), names[0])
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise damaged_file(file, f"its {key} is {value!r}")
    return value


def number(config: Mapping[str, Any], key: str, default: float, file: Path) -> float:
    """Read a number that may be missing.

    Raises:
        BadInputError: It is something else.
    """
    value = config.get(key, default)
    if not isinstance(value, int | float):
        raise damaged_file(file, f"its {key} is {value!r}")
    return value


def read_transformer_config(folder: Path) -> tuple[Mapping[str, Any], Path]:
    """Read what sentence-transformers says of a transformer, and return it with its file.

    As there, an empty file counts as missing; without any, the settings are empty.

    Raises:
        BadInputError: A file is damaged.
    """
    for name in TRANSFORMER_CONFIGS:
        if config := read_json_object(folder / name, optional=True):
            return config, folder / name
    return {}, folder / TRANSFORMER_CONFIG


def read_tokenizer_config(folder: Path) -> Mapping[str, Any]:
    """Read the settings of a tokenizer, with those that sentence-transformers would pass to it.

    As in transformers, the special tokens may be in a file of their own, unless the settings list
    all added tokens.

    Raises:
        BadInputError: A file is damaged.
    """
    config = read_json_object(folder / TOKENIZER_CONFIG, optional=True)
    if "added_tokens_decoder" not in config:
        config = {**config, **read_json_object(folder / SPECIAL_TOKENS, optional=True)}
    transformer, file = read_transformer_config(folder)
    passed = transformer.get("tokenizer_args") or transformer.get("processor_kwargs") or {}
    if not isinstance(passed, dict):
        raise damaged_file(file, f"its settings of the tokenizer are {passed!r}")
    return {**config, **passed}


def read_json_object(file: Path, *, optional: bool = False) -> Mapping[str, Any]:
    """Read a file with one JSON object; an optional file that is missing counts as empty.

    Raises:
        BadInputError: The file is missing or damaged.
    """
    if optional and not file.is_file():
        return {}
    return _require_object(read_json(file), file)


def parse_json_object(content: bytes, file: Path) -> Mapping[str, Any]:
    """Parse what was read from a file, or stands in for its content.

    Raises:
        BadInputError: It is not one JSON object.
    """
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise damaged_file(file, str(error)) from error
    return _require_object(parsed, file)


def _require_object(content: Any, file: Path) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise damaged_file(file, "it contains no JSON object")
    return content


def read_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        BadInputError: The file is missing or damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(
            f"{file.parent} has no {file.name}, so no model can be loaded from it. "
            f"Name a model's folder or a model on the Hub. Supported: {SUPPORTED}."
        ) from error
    except (OSError, ValueError) as error:
        raise damaged_file(file, str(error)) from error


def damaged_file(file: Path, reason: str) -> BadInputError:
    """Return the error for a file whose content cannot be used."""
    return BadInputError(f"{file} cannot be used: {reason}. Fetch the model again.")


def unsupported_model(folder: Path, reason: str) -> BadInputError:
    """Return the error for a model that the engines cannot compute; it lists what they can."""
    return BadInputError(
        f"The model in {folder} {reason}. Supported: {SUPPORTED}. For another architecture "
        "choose the engine tei, if Text Embeddings Inference serves it."
    )
