"""Reads what a model is from its own files, and refuses what the engines cannot compute.

A model is a folder as sentence-transformers writes it: the transformer's `config.json`, a
`tokenizer.json`, and beside them how its token vectors are pooled. Where those files leave
something open, the answer is that of sentence-transformers. Weights are not read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings.encoders.protocol import Pooling
from wiki_embeddings.errors import BadInputError

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
MODULES = "modules.json"
TRANSFORMER_CONFIG = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"

SUPPORTED = (
    "BERT encoders with absolute positions, the activation gelu and a WordPiece tokenizer, pooled "
    "by mean or by [CLS], such as BAAI/bge-small-en-v1.5, intfloat/e5-small-v2 or "
    "sentence-transformers/all-MiniLM-L6-v2"
)

_PASSAGE_PROMPTS = ("document", "passage", "corpus")
"""Names of the prompt before a passage, in the order in which sentence-transformers looks."""

_POOLINGS: Mapping[str, Pooling] = {"mean": "mean", "cls": "cls"}

_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How sentence-transformers wrote the pooling mode before its version 6."""


@dataclass(frozen=True)
class BertShape:
    """Sizes of a BERT encoder.

    Attributes:
        hidden_size: Length of a token's vector.
        layers: Number of transformer layers.
        heads: Attention heads in a layer.
        intermediate_size: Width of the feed-forward network.
        vocab_size: Rows of the table of word embeddings.
        positions: Rows of the table of position embeddings.
        token_types: Rows of the table of token type embeddings.
        layer_norm_eps: Added to the variance before its root is taken.
    """

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    vocab_size: int
    positions: int
    token_types: int
    layer_norm_eps: float


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that frame a text.

    Attributes:
        cls: Stands before the text.
        sep: Stands after it.
        pad: Fills a batch; its value decides nothing.
    """

    cls: int
    sep: int
    pad: int


@dataclass(frozen=True)
class ModelFiles:
    """What the files of a model's folder say.

    Attributes:
        shape: Sizes of the encoder.
        special_tokens: Ids of the tokens that frame a text.
        pooling: How a text's token vectors become one.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text before a query; empty where the files name none.
        passage_prefix: Text before a passage; empty where the files name none.
    """

    shape: BertShape
    special_tokens: SpecialTokens
    pooling: Pooling
    max_length: int
    query_prefix: str
    passage_prefix: str


def read_model_files(folder: Path) -> ModelFiles:
    """Reads all but the weights of a model.

    Raises:
        BadInputError: A file is missing or damaged, or the model is not one that we compute.
    """
    shape = _shape(folder)
    prompts = _prompts(folder / PROMPTS)
    passage_prompts = [prompts[name] for name in _PASSAGE_PROMPTS if prompts.get(name)]
    return ModelFiles(
        shape=shape,
        special_tokens=_special_tokens(folder, shape),
        pooling=_pooling(folder),
        max_length=_max_length(folder, shape),
        query_prefix=prompts.get("query", ""),
        passage_prefix=passage_prompts[0] if passage_prompts else "",
    )


def _shape(folder: Path) -> BertShape:
    file = folder / CONFIG
    config = _object(file)
    _refuse_others(config, folder)
    shape = BertShape(
        hidden_size=_size(config, "hidden_size", file),
        layers=_size(config, "num_hidden_layers", file),
        heads=_size(config, "num_attention_heads", file),
        intermediate_size=_size(config, "intermediate_size", file),
        vocab_size=_size(config, "vocab_size", file),
        positions=_size(config, "max_position_embeddings", file),
        token_types=_size(config, "type_vocab_size", file),
        layer_norm_eps=_number(config, "layer_norm_eps", 1e-12, file),
    )
    if shape.hidden_size % shape.heads:
        raise BadInputError(
            f"{file} has {shape.hidden_size} dimensions for {shape.heads} attention heads, which "
            "does not divide evenly: the file is damaged, fetch the model again."
        )
    return shape


def _refuse_others(config: Mapping[str, Any], folder: Path) -> None:
    """Refuses transformers that would be computed wrongly."""
    required = {
        "model_type": ("bert", None),
        "hidden_act": ("gelu", "gelu"),
        "position_embedding_type": ("absolute", "absolute"),
        "is_decoder": (False, False),
    }
    for key, (wanted, default) in required.items():
        found = config.get(key, default)
        if found != wanted:
            raise _unsupported(folder, f"has {key} {found!r}, not {wanted!r}")


def _prompts(file: Path) -> Mapping[str, str]:
    prompts = _object(file, optional=True).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise _damaged(file, "its prompts are no texts by name")
    return prompts


def _pooling(folder: Path) -> Pooling:
    if not (folder / MODULES).is_file():
        return "mean"
    modules = _json(folder / MODULES)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise _damaged(folder / MODULES, "it holds no list of modules")
    paths = {str(module.get("type")).rpartition(".")[2]: module.get("path") for module in modules}
    others = sorted(paths.keys() - {"Transformer", "Pooling", "Normalize"})
    if others:
        raise _unsupported(folder, f"has a module {others[0]} after its transformer")
    if "Pooling" not in paths:
        raise _unsupported(folder, "has no pooling, so it gives a vector for each token")
    return _pooling_mode(folder, folder / str(paths["Pooling"]) / CONFIG)


def _pooling_mode(folder: Path, file: Path) -> Pooling:
    config = _object(file)
    flags = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
    mode = config.get("pooling_mode", flags or ["mean"])
    modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise _unsupported(folder, f"pools by {' and '.join(map(str, modes))}")
    if not config.get("include_prompt", True):
        raise _unsupported(folder, "leaves its prompt out of the pooling")
    return _POOLINGS[modes[0]]


def _max_length(folder: Path, shape: BertShape) -> int:
    for name, key in (
        (TRANSFORMER_CONFIG, "max_seq_length"),
        (TOKENIZER_CONFIG, "model_max_length"),
    ):
        config = _object(folder / name, optional=True)
        if config.get(key) is not None:
            stated = _number(config, key, shape.positions, folder / name)
            return int(min(stated, shape.positions))
    return shape.positions


def _special_tokens(folder: Path, shape: BertShape) -> SpecialTokens:
    file = folder / TOKENIZER
    model = _object(file).get("model") or {}
    if model.get("type") != "WordPiece":
        raise _unsupported(folder, f"has a tokenizer of type {model.get('type')}, not 'WordPiece'")
    vocabulary = model.get("vocab") or {}
    if max(vocabulary.values(), default=0) >= shape.vocab_size:
        raise _damaged(file, f"it has ids beyond the {shape.vocab_size} that {CONFIG} announces")
    names = _object(folder / TOKENIZER_CONFIG, optional=True)
    return SpecialTokens(
        cls=_token_id(vocabulary, names.get("cls_token", "[CLS]"), file),
        sep=_token_id(vocabulary, names.get("sep_token", "[SEP]"), file),
        pad=_token_id(vocabulary, names.get("pad_token", "[PAD]"), file),
    )


def _token_id(vocabulary: Mapping[str, int], token: Any, file: Path) -> int:
    content = token["content"] if isinstance(token, dict) else token
    if content not in vocabulary:
        raise _damaged(file, f"its vocabulary lacks {content}")
    return vocabulary[content]


def _size(config: Mapping[str, Any], key: str, file: Path) -> int:
    value = config.get(key)
    if not isinstance(value, int) or value < 1:
        raise _damaged(file, f"its {key} is {value!r}")
    return value


def _number(config: Mapping[str, Any], key: str, default: float, file: Path) -> float:
    value = config.get(key, default)
    if not isinstance(value, int | float):
        raise _damaged(file, f"its {key} is {value!r}")
    return value


def _object(file: Path, *, optional: bool = False) -> Mapping[str, Any]:
    if optional and not file.is_file():
        return {}
    content = _json(file)
    if not isinstance(content, dict):
        raise _damaged(file, "it holds no JSON object")
    return content


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(
            f"{file.parent} has no {file.name}, so it is no model that can be loaded. "
            f"Name a model's folder or a model on the Hub; these work: {SUPPORTED}."
        ) from error
    except (OSError, ValueError) as error:
        raise _damaged(file, str(error)) from error


def _damaged(file: Path, reason: str) -> BadInputError:
    return BadInputError(f"{file} cannot be used: {reason}. Fetch the model again.")


def _unsupported(folder: Path, reason: str) -> BadInputError:
    return BadInputError(f"The model in {folder} {reason}. These work: {SUPPORTED}.")
