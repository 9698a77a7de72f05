"""Reads the JSON files of a model's folder, and says what is wrong with them."""

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

SUPPORTED = (
    "BERT and XLM-R encoders with absolute positions and the activation gelu, a tokenizer of one "
    "of these families, pooled by mean or by the first token, such as BAAI/bge-small-en-v1.5, "
    "intfloat/e5-small-v2, intfloat/multilingual-e5-small, thenlper/gte-small or "
    "sentence-transformers/all-MiniLM-L6-v2"
)


def size_of(config: Mapping[str, Any], key: str, file: Path) -> int:
    """Reads a positive integer.

    Raises:
        BadInputError: It is missing or something else.
    """
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise damaged(file, f"its {key} is {value!r}")
    return value


def size_of_any(config: Mapping[str, Any], keys: Sequence[str], file: Path) -> int:
    """Reads a positive integer by the first of several names that is there.

    Raises:
        BadInputError: As for `size_of`.
    """
    return size_of(config, next((key for key in keys if key in config), keys[0]), file)


def number_of(config: Mapping[str, Any], key: str, default: float, file: Path) -> float:
    """Reads a number that may be missing.

    Raises:
        BadInputError: It is something else.
    """
    value = config.get(key, default)
    if not isinstance(value, int | float):
        raise damaged(file, f"its {key} is {value!r}")
    return value


def json_object(file: Path, *, optional: bool = False) -> Mapping[str, Any]:
    """Reads a file that holds one object; an optional one that is missing holds an empty one.

    Raises:
        BadInputError: The file is missing or damaged.
    """
    if optional and not file.is_file():
        return {}
    content = json_content(file)
    if not isinstance(content, dict):
        raise damaged(file, "it holds no JSON object")
    return content


def json_content(file: Path) -> Any:
    """Reads a file of JSON.

    Raises:
        BadInputError: The file is missing or damaged.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(
            f"{file.parent} has no {file.name}, so it is no model that can be loaded. "
            f"Name a model's folder or a model on the Hub; these work: {SUPPORTED}."
        ) from error
    except (OSError, ValueError) as error:
        raise damaged(file, str(error)) from error


def damaged(file: Path, reason: str) -> BadInputError:
    """Says that a file is not what it should be."""
    return BadInputError(f"{file} cannot be used: {reason}. Fetch the model again.")


def unsupported(folder: Path, reason: str) -> BadInputError:
    """Says that a model is not one that we compute, and which are."""
    return BadInputError(
        f"The model in {folder} {reason}. These work: {SUPPORTED}. For another architecture "
        "choose the engine tei, if Text Embeddings Inference serves it."
    )
