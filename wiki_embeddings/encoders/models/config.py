"""Reads what a model is from its own files, and refuses what the engines cannot compute.

A model is a folder as sentence-transformers writes it: the transformer's `config.json`, a
`tokenizer.json`, and beside them how its token vectors are pooled. Where those files leave
something open, the answer is that of sentence-transformers. Weights are not read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings.encoders.models.json_files import (
    CONFIG,
    MODULES,
    PROMPTS,
    SUPPORTED,
    TOKENIZER_CONFIG,
    TRANSFORMER_CONFIG,
    damaged,
    json_content,
    json_object,
    number_of,
    size_of,
    size_of_any,
    unsupported,
)
from wiki_embeddings.encoders.models.special_tokens import SpecialTokens, read_special_tokens
from wiki_embeddings.encoders.protocol import Pooling
from wiki_embeddings.errors import BadInputError

_FAMILIES = ("bert", "xlm-roberta", "roberta", "camembert")
"""Values of `model_type` that are the same encoder; all but the first leave the rows of positions
up to that of the padding token unused."""

_DIMENSIONS_KEYS = ("hidden_size", "n_embd", "dim", "d_model")
_POSITIONS_KEYS = ("max_position_embeddings", "n_positions")
"""How different transformers call the same sizes in their configuration."""

_SHORTEST = 3
"""Tokens that a model must read at least: one, and the two that frame it."""

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
        first_position: Row of a text's first token; those before it belong to no text.
        token_types: Rows of the table of token type embeddings.
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
    def longest(self) -> int:
        """Most tokens for which there are positions."""
        return self.positions - self.first_position


@dataclass(frozen=True)
class ModelFiles:
    """What the files of a model's folder say.

    Attributes:
        bert: Sizes of the encoder; None for one that only the engine `tei` may know.
        dimensions: Length of a token's vector, hence of a text's.
        vocab_size: One more than the largest token id.
        special_tokens: Ids of the tokens that frame a text.
        pooling: How a text's token vectors become one.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text before a query; empty where the files name none.
        passage_prefix: Text before a passage; empty where the files name none.
    """

    bert: BertShape | None
    dimensions: int
    vocab_size: int
    special_tokens: SpecialTokens
    pooling: Pooling
    max_length: int
    query_prefix: str
    passage_prefix: str

    @property
    def shape(self) -> BertShape:
        """Sizes of the encoder, for an engine that computes it; as `require_bert` says."""
        return require_bert(self.bert)


def require_bert(bert: BertShape | None) -> BertShape:
    """Gives the sizes of an encoder that we compute ourselves.

    Raises:
        BadInputError: It is none that we compute.
    """
    if bert is None:
        raise BadInputError(
            f"This model is one for the engine tei alone. The others compute: {SUPPORTED}."
        )
    return bert


def read_model_files(folder: Path, *, any_transformer: bool = False) -> ModelFiles:
    """Reads all but the weights of a model.

    Args:
        folder: The model.
        any_transformer: Whether a transformer that we do not compute ourselves is read, too. How
            it is pooled and what its tokenizer puts around a text must be known all the same.

    Raises:
        BadInputError: A file is missing or damaged, or the model is not one that we compute.
    """
    config = json_object(folder / CONFIG)
    difference = _difference(config)
    if difference and not any_transformer:
        raise unsupported(folder, difference)
    bert = None if difference else _shape(config, folder / CONFIG)
    vocab_size = size_of(config, "vocab_size", folder / CONFIG)
    longest = bert.longest if bert else size_of_any(config, _POSITIONS_KEYS, folder / CONFIG)
    prompts = _prompts(folder / PROMPTS)
    passage_prompts = [prompts[name] for name in _PASSAGE_PROMPTS if prompts.get(name)]
    return ModelFiles(
        bert=bert,
        dimensions=size_of_any(config, _DIMENSIONS_KEYS, folder / CONFIG),
        vocab_size=vocab_size,
        special_tokens=read_special_tokens(folder, vocab_size, any_tokenizer=any_transformer),
        pooling=_pooling(folder),
        max_length=_max_length(folder, longest),
        query_prefix=prompts.get("query", ""),
        passage_prefix=passage_prompts[0] if passage_prompts else "",
    )


def _shape(config: Mapping[str, Any], file: Path) -> BertShape:
    shape = BertShape(
        hidden_size=size_of(config, "hidden_size", file),
        layers=size_of(config, "num_hidden_layers", file),
        heads=size_of(config, "num_attention_heads", file),
        intermediate_size=size_of(config, "intermediate_size", file),
        vocab_size=size_of(config, "vocab_size", file),
        positions=size_of(config, "max_position_embeddings", file),
        first_position=_first_position(config, file),
        token_types=size_of(config, "type_vocab_size", file),
        layer_norm_eps=number_of(config, "layer_norm_eps", 1e-12, file),
    )
    if shape.longest < 1:
        raise damaged(file, f"its first position {shape.first_position} is beyond the last")
    if shape.hidden_size % shape.heads:
        raise BadInputError(
            f"{file} has {shape.hidden_size} dimensions for {shape.heads} attention heads, which "
            "does not divide evenly: the file is damaged, fetch the model again."
        )
    return shape


def _first_position(config: Mapping[str, Any], file: Path) -> int:
    if config["model_type"] == "bert":
        return 0
    padding = config.get("pad_token_id", 1)
    if not isinstance(padding, int) or padding < 0:
        raise damaged(file, f"its pad_token_id is {padding!r}")
    return padding + 1


def _difference(config: Mapping[str, Any]) -> str | None:
    """What makes a transformer one that we would compute wrongly."""
    if config.get("model_type") not in _FAMILIES:
        return f"has model_type {config.get('model_type')!r}"
    required = {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
    }
    for key, wanted in required.items():
        found = config.get(key, wanted)
        if found != wanted:
            return f"has {key} {found!r}, not {wanted!r}"
    return None


def _prompts(file: Path) -> Mapping[str, str]:
    prompts = json_object(file, optional=True).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise damaged(file, "its prompts are no texts by name")
    return prompts


def _pooling(folder: Path) -> Pooling:
    if not (folder / MODULES).is_file():
        return "mean"
    modules = json_content(folder / MODULES)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise damaged(folder / MODULES, "it holds no list of modules")
    paths = {str(module.get("type")).rpartition(".")[2]: module.get("path") for module in modules}
    others = sorted(paths.keys() - {"Transformer", "Pooling", "Normalize"})
    if others:
        raise unsupported(folder, f"has a module {others[0]} after its transformer")
    if "Pooling" not in paths:
        raise unsupported(folder, "has no pooling, so it gives a vector for each token")
    return _pooling_mode(folder, folder / str(paths["Pooling"]) / CONFIG)


def _pooling_mode(folder: Path, file: Path) -> Pooling:
    config = json_object(file)
    flags = [mode for flag, mode in _POOLING_FLAGS.items() if config.get(flag)]
    mode = config.get("pooling_mode", flags or ["mean"])
    modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise unsupported(folder, f"pools by {' and '.join(map(str, modes))}")
    if not config.get("include_prompt", True):
        raise unsupported(folder, "leaves its prompt out of the pooling")
    return _POOLINGS[modes[0]]


def _max_length(folder: Path, longest: int) -> int:
    for name, key in (
        (TRANSFORMER_CONFIG, "max_seq_length"),
        (TOKENIZER_CONFIG, "model_max_length"),
    ):
        config = json_object(folder / name, optional=True)
        if config.get(key) is not None:
            stated = number_of(config, key, longest, folder / name)
            if not stated >= _SHORTEST:
                raise damaged(folder / name, f"its {key} is {stated!r}")
            return int(min(stated, longest))
    return longest
