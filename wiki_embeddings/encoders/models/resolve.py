"""Which model a name means: where its files are and what they say.

Importing this loads no engine. Resolving a model that is already on this machine takes no network.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from wiki_embeddings import bundled, settings
from wiki_embeddings.encoders.models.config import (
    ModelConfig,
    read_model_config,
    transformer_folder,
)
from wiki_embeddings.encoders.models.json_files import CONFIG
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS, KnownModel
from wiki_embeddings.encoders.models.tokenizer import read_tokenizer
from wiki_embeddings.encoders.models.weights import WEIGHTS, check_weights, weights_digest
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import digest_of, sha256_of, sha256_of_file

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")

_FOLDER_REVISION = "sha256:"
"""What the revision of a folder begins with."""


@dataclass(frozen=True)
class ResolvedModel(ModelConfig):
    """A model whose files are on this machine and checked.

    Attributes:
        name: Name on the Hub, or absolute path of a folder; with `revision`, it resolves to the
            same model again.
        revision: The commit, or `sha256:…` of the weights in a folder.
        folder: Where its transformer's files are: settings, tokenizer and weights.
        weights_sha256: SHA-256 of the weights, in hexadecimal; see `weights.weights_digest`.
        tokenizer_sha256: SHA-256 of what `read_tokenizer` returns, in hexadecimal.
    """

    name: str
    revision: str
    folder: Path
    weights_sha256: str
    tokenizer_sha256: str

    @property
    def is_folder(self) -> bool:
        """True if it is a folder of the user's, not a commit on the Hub."""
        return self.revision.startswith(_FOLDER_REVISION)

    @cached_property
    def identity(self) -> str:
        """What tells it from other models: its name on the Hub, or for a folder its content.

        Moved or renamed, a folder is still the same model.
        """
        if not self.is_folder:
            return self.name
        content = {
            "config": sha256_of_file(self.folder / CONFIG),
            "special_tokens": asdict(self.special_tokens),
            "tokenizer": self.tokenizer_sha256,
            "weights": self.weights_sha256,
        }
        return f"folder:{digest_of(content)}"

    def read_tokenizer(self) -> bytes:
        """Return the tokenizer, in the format of the `tokenizers` library."""
        return read_tokenizer(self.folder)


def resolve(
    model: str | Path | None = None,
    revision: str | None = None,
    *,
    models_folder: Path | None = None,
    any_architecture: bool = False,
) -> ResolvedModel:
    """Find a model, fetching it from the Hub if necessary, and read its configuration.

    Args:
        model: A folder, or a name `org/name` on the Hub; None for all-MiniLM-L6-v2, which is
            bundled. A folder of that name takes precedence over the Hub.
        revision: Branch, tag or commit on the Hub. If None: the pinned commit of a known model
            (`known.py`), else the newest commit of the branch `main`. For a folder:
            `ResolvedModel.revision` from an earlier call, to make sure that it has not changed.
        models_folder: Folder that keeps fetched models; None for the one in the settings.
        any_architecture: Also accept a transformer that we do not compute ourselves, as for the
            engine `tei`.

    Raises:
        BadInputError: There is no such model, its files are incomplete or damaged, or it is not
            supported.
        WikiEmbeddingsError: The Hub cannot be reached, or the files cannot be stored.
    """
    name = str(DEFAULT_MODEL if model is None else model)
    if Path(name).is_dir():
        return _resolve_folder(Path(name).absolute(), revision, any_architecture)
    if isinstance(model, Path) or not _HUB_NAME.fullmatch(name):
        raise BadInputError(
            f"There is no model {name}: it is neither a folder here nor a name on the Hub, which "
            f"has the form org/name, as in {DEFAULT_MODEL}."
        )
    known = KNOWN_MODELS.get(name)
    if known and known.bundled and revision in {None, known.revision}:
        folder, verified = bundled.bundled_model(), bundled.MODEL.sha256[WEIGHTS]
        return _read(
            folder, name, known.revision, known, any_architecture, verified_sha256=verified
        )
    # Imported late: the Hub's client takes longer to import than a bundled model to resolve.
    from wiki_embeddings.encoders.models.cache import fetch_model

    folder, commit = fetch_model(
        name,
        revision or (known.revision if known else "main"),
        models_folder or settings.models_folder(),
        any_architecture,
    )
    return _read(folder, name, commit, known, any_architecture)


def _resolve_folder(folder: Path, revision: str | None, any_architecture: bool) -> ResolvedModel:
    resolved = _read(folder, str(folder), None, None, any_architecture)
    if revision not in {None, resolved.revision}:
        raise BadInputError(
            f"The model in {folder} is {resolved.revision}, not {revision}. Its weights have "
            "changed since, or the revision was meant for a model on the Hub."
        )
    return resolved


def _read(
    folder: Path,
    name: str,
    revision: str | None,
    known: KnownModel | None,
    any_architecture: bool,
    *,
    verified_sha256: str | None = None,
) -> ResolvedModel:
    config = read_model_config(folder, any_architecture=any_architecture)
    transformer = transformer_folder(folder)
    check_weights(transformer, config.bert)
    weights_sha256 = verified_sha256 or weights_digest(transformer)
    pinned = known.weights_sha256 if known and revision == known.revision else None
    if pinned and weights_sha256 != pinned:
        raise BadInputError(
            f"The weights {transformer / WEIGHTS} are not those of {name} at {revision}: their "
            f"SHA-256 is {weights_sha256}, not {pinned}. Delete {folder} and fetch the model again "
            "from a source that you trust."
        )
    if known:  # the model's card knows better than its files
        config = replace(
            config, query_prefix=known.query_prefix, passage_prefix=known.passage_prefix
        )
    return ResolvedModel(
        **vars(config),
        name=name,
        revision=revision or f"{_FOLDER_REVISION}{weights_sha256}",
        folder=transformer,
        weights_sha256=weights_sha256,
        tokenizer_sha256=sha256_of(read_tokenizer(transformer)),
    )
