"""Reads a model's configuration from its folder and refuses what the engines cannot compute.

A model is a folder as sentence-transformers writes it: the transformer's `config.json`, a
`tokenizer.json`, and files that say how its token vectors are pooled. The transformer's files may
be in a folder of their own. Where those files leave something open, the default is that of
sentence-transformers. Weights are not read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wiki_embeddings.encoders.models.json_files import (
    CONFIG,
    MODULES,
    PROMPTS,
    SUPPORTED,
    TOKENIZER,
    TOKENIZER_CONFIG,
    damaged_file,
    number,
    parse_json_object,
    positive_int,
    read_json,
    read_json_object,
    read_tokenizer_config,
    read_transformer_config,
    unsupported_model,
)
from wiki_embeddings.encoders.models.special_tokens import SpecialTokens, read_special_tokens
from wiki_embeddings.encoders.models.tokenizer import read_tokenizer
from wiki_embeddings.encoders.protocol import Pooling
from wiki_embeddings.errors import BadInputError

_FAMILIES = ("bert", "xlm-roberta", "roberta", "camembert")
"""Values of `model_type` with the same encoder. All but the first leave the position rows up to
that of the padding token unused."""

_REQUIRED: Mapping[str, tuple[Any, ...]] = {
    "hidden_act": ("gelu", "gelu_python"),
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
}
"""Settings that the engines compute; the first is the default where a configuration omits it."""

_DIMENSIONS_KEYS = ("hidden_size", "n_embd", "dim", "d_model")
_POSITIONS_KEYS = ("max_position_embeddings", "n_positions")
"""Names that different transformers have for the same sizes."""

_SHORTEST = 3
"""Tokens that a model must at least read: one, and a special token on each side."""

_PASSAGE_PROMPTS = ("document", "passage", "corpus")
"""Names of the prompt before a passage, in sentence-transformers' order of preference."""

_POOLINGS: Mapping[str, Pooling] = {"mean": "mean", "cls": "cls"}

_POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""The pooling mode as sentence-transformers wrote it before version 6."""


@dataclass(frozen=True)
class BertConfig:
    """Sizes of a BERT encoder.

    Attributes:
        hidden_size: Length of a token's vector.
        layers: Number of transformer layers.
        heads: Attention heads in a layer.
        intermediate_size: Width of the feed-forward network.
        vocab_size: Rows of the word embeddings.
        positions: Rows of the position embeddings.
        first_position: Row of a text's first token; the rows before it are unused.
        token_types: Rows of the token type embeddings.
        layer_norm_eps: Added to the variance before its root is taken.
    """

    hidden_size: int
    layers: int
    heads: int
    intermediate_size: int
    vocab_size: int
    positions: int
    first_position: int
    token_types: int
    layer_norm_eps: float

    @property
    def max_length(self) -> int:
        """Most tokens for which there are positions."""
        return self.positions - self.first_position


@dataclass(frozen=True)
class ModelConfig:
    """What a model's files say about it, apart from the weights.

    Attributes:
        bert: Sizes of the encoder; None for one that only the engine `tei` may compute.
        dimensions: Length of a token's vector, and so of a text's.
        vocab_size: One more than the largest token id that the model knows.
        special_tokens: Ids of the special tokens around a text.
        pooling: How a text's token vectors become one vector.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text that the model expects before a query; may be empty.
        passage_prefix: Text that the model expects before a passage; may be empty.
    """

    bert: BertConfig | None
    dimensions: int
    vocab_size: int
    special_tokens: SpecialTokens
    pooling: Pooling
    max_length: int
    query_prefix: str
    passage_prefix: str

    def require_bert(self) -> BertConfig:
        """Return the sizes of the encoder, for an engine that computes it itself.

        Raises:
            BadInputError: Only the engine `tei` may compute this model.
        """
        if self.bert is None:
            raise BadInputError(
                f"Only the engine tei can compute this model. The other engines: {SUPPORTED}."
            )
        return self.bert


def read_model_config(folder: Path, *, any_architecture: bool = False) -> ModelConfig:
    """Read everything about a model but its weights.

    Args:
        folder: The model.
        any_architecture: Also accept a transformer that we do not compute ourselves. Its pooling
            and its special tokens must still be known.

    Raises:
        BadInputError: A file is missing or damaged, or the model is not supported.
    """
    transformer = transformer_folder(folder)
    file = transformer / CONFIG
    config = read_json_object(file)
    reason = _unsupported_setting(config)
    if reason and not any_architecture:
        raise unsupported_model(folder, reason)
    bert = None if reason else _read_bert(config, file)
    vocab_size = positive_int(config, "vocab_size", file)
    positions = bert.max_length if bert else positive_int(config, _POSITIONS_KEYS, file)
    tokenizer = parse_json_object(read_tokenizer(transformer), transformer / TOKENIZER)
    prompts = _read_prompts(folder / PROMPTS)
    passage_prompts = (prompts[name] for name in _PASSAGE_PROMPTS if prompts.get(name))
    return ModelConfig(
        bert=bert,
        dimensions=positive_int(config, _DIMENSIONS_KEYS, file),
        vocab_size=vocab_size,
        special_tokens=read_special_tokens(
            transformer, tokenizer, vocab_size, any_tokenizer=any_architecture
        ),
        pooling=_read_pooling(folder),
        max_length=_read_max_length(transformer, positions),
        query_prefix=prompts.get("query", ""),
        passage_prefix=next(passage_prompts, ""),
    )


def transformer_folder(folder: Path) -> Path:
    """Return the folder of a model's transformer: old models have one inside, `0_Transformer`.

    Raises:
        BadInputError: The list of modules is damaged.
    """
    return folder / _read_module_paths(folder).get("Transformer", "")


def _read_bert(config: Mapping[str, Any], file: Path) -> BertConfig:
    bert = BertConfig(
        hidden_size=positive_int(config, "hidden_size", file),
        layers=positive_int(config, "num_hidden_layers", file),
        heads=positive_int(config, "num_attention_heads", file),
        intermediate_size=positive_int(config, "intermediate_size", file),
        vocab_size=positive_int(config, "vocab_size", file),
        positions=positive_int(config, "max_position_embeddings", file),
        first_position=_first_position(config, file),
        token_types=positive_int(config, "type_vocab_size", file),
        layer_norm_eps=number(config, "layer_norm_eps", 1e-12, file),
    )
    if bert.max_length < 1:
        raise damaged_file(file, f"its first position {bert.first_position} is beyond the last")
    if bert.hidden_size % bert.heads:
        raise damaged_file(
            file,
            f"{bert.heads} attention heads do not divide its {bert.hidden_size} dimensions evenly",
        )
    return bert


def _first_position(config: Mapping[str, Any], file: Path) -> int:
    if config["model_type"] == "bert":
        return 0
    padding = config.get("pad_token_id", 1)
    if not isinstance(padding, int) or padding < 0:
        raise damaged_file(file, f"its pad_token_id is {padding!r}")
    return padding + 1


def _unsupported_setting(config: Mapping[str, Any]) -> str | None:
    """Return the first setting that the engines would compute wrongly."""
    if config.get("model_type") not in _FAMILIES:
        return f"has model_type {config.get('model_type')!r}"
    for key, required in _REQUIRED.items():
        value = config.get(key, required[0])
        if value not in required:
            return f"has {key} {value!r}, not {required[0]!r}"
    return None


def _read_prompts(file: Path) -> Mapping[str, str]:
    prompts = read_json_object(file, optional=True).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise damaged_file(file, "its prompts do not map names to texts")
    return prompts


def _read_module_paths(folder: Path) -> Mapping[str, str]:
    """Return the folder of each module by its type; nothing for a plain transformer.

    Raises:
        BadInputError: The list is damaged, or names a folder outside of the model.
    """
    file = folder / MODULES
    if not file.is_file():
        return {}
    modules = read_json(file)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise damaged_file(file, "it contains no list of modules")
    paths = {
        str(module.get("type")).rpartition(".")[2]: str(module.get("path") or "")
        for module in modules
    }
    for path in map(PurePosixPath, paths.values()):
        if path.is_absolute() or ".." in path.parts:
            raise damaged_file(file, f"the path {path} leads out of the model's folder")
    return paths


def _read_pooling(folder: Path) -> Pooling:
    if not (folder / MODULES).is_file():
        return "mean"
    paths = _read_module_paths(folder)
    others = sorted(paths.keys() - {"Transformer", "Pooling", "Normalize"})
    if others:
        raise unsupported_model(folder, f"has a module {others[0]} after its transformer")
    if "Pooling" not in paths:
        raise unsupported_model(folder, "has no pooling, so it gives a vector for each token")
    return _read_pooling_mode(folder, folder / paths["Pooling"] / CONFIG)


def _read_pooling_mode(folder: Path, file: Path) -> Pooling:
    config = read_json_object(file)
    flags = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
    mode = config.get("pooling_mode", flags or ["mean"])
    modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise unsupported_model(folder, f"pools by {' and '.join(map(str, modes))}")
    if not config.get("include_prompt", True):
        raise unsupported_model(folder, "leaves its prompt out of the pooling")
    return _POOLINGS[modes[0]]


def _read_max_length(folder: Path, positions: int) -> int:
    transformer, file = read_transformer_config(folder)
    tokenizer = read_tokenizer_config(folder)
    for config, key, source in (
        (transformer, "max_seq_length", file),
        (tokenizer, "model_max_length", folder / TOKENIZER_CONFIG),
    ):
        if config.get(key) is not None:
            stated = number(config, key, positions, source)
            if not stated >= _SHORTEST:
                raise damaged_file(source, f"its {key} is {stated!r}")
            return int(min(stated, positions))
    return positions
