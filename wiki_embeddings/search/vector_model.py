"""The model that made a dataset's vectors, so that a question can be embedded by the same one.

A dataset's card names it, and anyone may have written that card: it may name a commit of a model on
the Hub, or a folder with the digest of its weights, and nothing else that this machine can reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wiki_embeddings import encoders
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.file_errors import translate_read_errors

CARD_KEY = "wiki_embeddings"
"""Key of the card's YAML under which the model is named."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_REQUIRED_KEYS = ("model", "revision")
_OPTIONAL_KEYS = ("pooling", "query_prefix")


@dataclass(frozen=True)
class VectorModel:
    """The model that made some vectors.

    Attributes:
        name: Name on the Hub, or a folder: its path, or only its name where it is published, so
            that a card does not reveal the paths of the machine that made the vectors.
        revision: The model's commit, or `sha256:…` of the weights of a folder.
        pooling: How token vectors become one; None if the card does not say.
        query_prefix: Text before a question; None for the model's own.
    """

    name: str
    revision: str
    pooling: str | None = None
    query_prefix: str | None = None

    @property
    def is_folder(self) -> bool:
        """True if the model was a folder on the machine that made the vectors."""
        return self.revision.startswith("sha256:")


def is_hub_name(name: str) -> bool:
    """True if a text has the form of a repository's name on the Hub, `namespace/name`."""
    return _HUB_NAME.fullmatch(name) is not None


def is_commit(revision: str) -> bool:
    """True if a revision is a full commit id, which always names the same files."""
    return _COMMIT.fullmatch(revision) is not None


def read_card(card: Path, label: str, advice: str) -> VectorModel:
    """Read the model from the YAML of a dataset's card.

    Args:
        card: The card.
        label: Name of the card in error messages.
        advice: What to do about a damaged card, as a sentence.

    Raises:
        BadInputError: The card is missing or damaged, or names no model that may be loaded.
    """
    from huggingface_hub.repocard import metadata_load  # slow to import

    with translate_read_errors(label, advice):
        content = metadata_load(card) or {}
    declared = content.get(CARD_KEY)
    if not isinstance(declared, dict) or "model" not in declared:
        raise BadInputError(
            f"The card {label} does not name the model of the vectors (`{CARD_KEY}: model:`), so a "
            "question cannot be embedded: search a dataset that this project has published."
        )
    _require_texts(declared, label)
    model = VectorModel(
        declared["model"],
        declared["revision"],
        declared.get("pooling"),
        declared.get("query_prefix"),
    )
    _require_loadable(model, label)
    return model


def _require_texts(declared: Mapping[str, Any], label: str) -> None:
    for key in (*_REQUIRED_KEYS, *_OPTIONAL_KEYS):
        value = declared.get(key)
        if not isinstance(value, str) and not (value is None and key in _OPTIONAL_KEYS):
            raise BadInputError(
                f"The card {label} has no text as `{CARD_KEY}: {key}:`, which this project writes "
                "on every card: somebody has changed it. Search the dataset at another revision."
            )


def _require_loadable(model: VectorModel, label: str) -> None:
    on_hub = is_hub_name(model.name) and is_commit(model.revision)
    in_folder = model.name.isprintable() and _WEIGHTS_DIGEST.fullmatch(model.revision)
    if not (on_hub or in_folder):
        raise BadInputError(
            f"The card {label} names the model {model.name!r} at {model.revision!r}. A card may "
            "name only a model on the Hub at a commit (org/name and 40 digits), or a folder with "
            "the digest of its weights (sha256:…)."
        )


def moved_to(model: VectorModel, folder: str) -> VectorModel:
    """Return the model in the folder where it is now; `query_encoder` checks that it is the same.

    Raises:
        BadInputError: The vectors were made with a model on the Hub.
    """
    if not model.is_folder:
        raise BadInputError(
            f"The vectors were made with {model.name} at {model.revision}, which is on the Hub: "
            "leave --model out."
        )
    return replace(model, name=folder)


def query_encoder(model: VectorModel) -> encoders.Encoder:
    """Load the model that made some vectors, to embed questions with.

    Raises:
        BadInputError: There is no such model, or it makes different vectors than it did.
        WikiEmbeddingsError: The model is not here yet and the Hub cannot be reached.
    """
    if model.is_folder and not Path(model.name).is_dir():
        raise BadInputError(
            f"The vectors were made with the model in the folder {model.name} ({model.revision}), "
            "which is not here, and only that model can embed a question. If its folder is "
            "elsewhere now, name it with --model; otherwise search on a machine that has it."
        )
    # The processor answers one question before a GPU would be ready, or a model quantized. Vectors
    # of all engines and precisions are comparable.
    encoder = encoders.load_for_queries(
        model.name, revision=model.revision, query_prefix=model.query_prefix
    )
    if model.pooling not in {None, encoder.info.pooling}:
        raise BadInputError(
            f"The card says that the vectors are pooled by {model.pooling!r}, but {model.name} at "
            f"{model.revision} pools by {encoder.info.pooling}, so its questions cannot be "
            "compared with them. Search the dataset at another revision."
        )
    return encoder
