"""Which model made the vectors of a dataset, so that a question can be embedded by the same one.

A dataset's card says so, and comes from whoever published it: it may name a commit of a model on
the Hub, or a folder together with the digest of the weights in it, and nothing else of what this
machine can reach.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wiki_embeddings import encoders
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.file_errors import translate_read_errors

CARD_KEY = "wiki_embeddings"
"""Key of the dataset card's YAML under which the model is named."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class VectorModel:
    """The model that made some vectors.

    Attributes:
        model: Name on the Hub, or a folder: its path, or its name alone where it is published, so
            that nobody learns the paths of the machine that made the vectors.
        revision: The model's commit, or `sha256:…` of the weights of a folder.
        pooling: How it makes one vector of a text's; None where nothing says so.
        query_prefix: Text before a question; None for what is known of the model.
    """

    model: str
    revision: str
    pooling: str | None = None
    query_prefix: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether the model was a folder on the machine that made the vectors."""
        return self.revision.startswith("sha256:")


def is_hub_name(name: str) -> bool:
    """Whether a text has the form of a repository's name on the Hub, `namespace/name`."""
    return _HUB_NAME.fullmatch(name) is not None


def is_commit(revision: str) -> bool:
    """Whether a revision is a full commit id, which always means the same files."""
    return _COMMIT.fullmatch(revision) is not None


def read_card(card: Path, what: str, advice: str) -> VectorModel:
    """Read what the YAML of a dataset's card says of the model.

    Args:
        card: The card.
        what: The card's name for people.
        advice: What to do about a card that is damaged, as a whole sentence.

    Raises:
        BadInputError: The card is gone or damaged, names no model, or something else as one.
    """
    from huggingface_hub.repocard import metadata_load  # heavy, and needed only here

    with translate_read_errors(what, advice):
        content = metadata_load(card) or {}
    named = content.get(CARD_KEY)
    if not isinstance(named, dict) or "model" not in named:
        raise BadInputError(
            f"The card {what} does not name the model of the vectors (`{CARD_KEY}: model:`), so a "
            "question cannot be embedded: search a dataset that this project has published."
        )
    return _checked(named, what)


def _checked(named: Mapping[str, Any], what: str) -> VectorModel:
    for key in ("model", "revision", "pooling", "query_prefix"):
        value = named.get(key)
        if not isinstance(value, str) and not (
            value is None and key in {"pooling", "query_prefix"}
        ):
            raise BadInputError(
                f"The card {what} has no text as `{CARD_KEY}: {key}:`, which this project writes "
                "on every card: somebody has changed it. Search the dataset at another revision."
            )
    made_by = VectorModel(
        named["model"], named["revision"], named.get("pooling"), named.get("query_prefix")
    )
    on_hub = is_hub_name(made_by.model) and is_commit(made_by.revision)
    in_folder = made_by.model.isprintable() and _WEIGHTS.fullmatch(made_by.revision)
    if not (on_hub or in_folder):
        raise BadInputError(
            f"The card {what} names the model {made_by.model!r} at {made_by.revision!r}. Only a "
            "model on the Hub at a commit (org/name and 40 digits) is loaded for a card, or a "
            "folder whose weights have the digest that the card states (sha256:…)."
        )
    return made_by


def query_encoder(made_by: VectorModel) -> encoders.Encoder:
    """Load the model that made some vectors, to embed questions with.

    Raises:
        BadInputError: There is no such model, or it makes other vectors than it did.
        WikiEmbeddingsError: The model is not here yet and the Hub cannot be reached.
    """
    if made_by.is_folder and not Path(made_by.model).is_dir():
        raise BadInputError(
            f"The vectors were made with the model in the folder {made_by.model} "
            f"({made_by.revision}), which is not here, and a question can be embedded by that "
            "model alone. Search on a machine that has it, from beside the folder if it is named "
            "without a path."
        )
    # One question is answered on the processor before a GPU would be ready, and in float32 before
    # a model would be quantized. Vectors of all precisions are of one space.
    encoder = encoders.load(
        made_by.model,
        "cpu",
        revision=made_by.revision,
        precision="float32",
        query_prefix=made_by.query_prefix,
    )
    if made_by.pooling not in {None, encoder.info.pooling}:
        raise BadInputError(
            f"The vectors are said to be pooled by {made_by.pooling!r}, but {made_by.model} at "
            f"{made_by.revision} pools by {encoder.info.pooling}: its questions would be of "
            "another space. Search the dataset at another revision."
        )
    return encoder
