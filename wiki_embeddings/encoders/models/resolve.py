"""Which model a name means: where its files are and all that there is to know of it.

Importing this loads no engine; resolving a model that is here already takes no network.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wiki_embeddings import bundled, settings
from wiki_embeddings.encoders.models.config import BertShape, read_model_files, require_bert
from wiki_embeddings.encoders.models.json_files import TOKENIZER
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS, KnownModel
from wiki_embeddings.encoders.models.special_tokens import SpecialTokens
from wiki_embeddings.encoders.models.weights import WEIGHTS, check_weights
from wiki_embeddings.encoders.protocol import Pooling
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import sha256_of_file

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class ResolvedModel:
    """A model whose files are here and checked.

    Attributes:
        name: Name on the Hub, or absolute path of a folder; with `revision`, it resolves to the
            same model again.
        revision: The commit, or `sha256:…` of the weights of a folder.
        folder: Where its files are.
        bert: Sizes of the encoder; None for one that only the engine `tei` may know.
        dimensions: Length of a vector.
        vocab_size: One more than the largest token id that the model knows.
        special_tokens: Ids of the tokens that frame a text.
        pooling: How a text's token vectors become one.
        max_length: Most tokens that the model reads, with special tokens and prefix.
        query_prefix: Text that the model wants before a query; may be empty.
        passage_prefix: Text that the model wants before a passage; may be empty.
        weights_sha256: SHA-256 of the weights file, in hexadecimal.
        tokenizer_sha256: SHA-256 of the tokenizer file, in hexadecimal.
    """

    name: str
    revision: str
    folder: Path
    bert: BertShape | None
    dimensions: int
    vocab_size: int
    special_tokens: SpecialTokens
    pooling: Pooling
    max_length: int
    query_prefix: str
    passage_prefix: str
    weights_sha256: str
    tokenizer_sha256: str

    @property
    def shape(self) -> BertShape:
        """Sizes of the encoder, for an engine that computes it; as `model_files.computed` says."""
        return require_bert(self.bert)

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer's file, as the `tokenizers` library reads it."""
        return self.folder / TOKENIZER

    @property
    def weights_path(self) -> Path:
        """The weights' file, in safetensors format."""
        return self.folder / WEIGHTS


def resolve(
    model: str | Path | None = None,
    revision: str | None = None,
    *,
    home: Path | None = None,
    any_transformer: bool = False,
) -> ResolvedModel:
    """Finds a model, fetching it from the Hub if need be, and reads what it is.

    Args:
        model: A folder, or a name `org/name` on the Hub; all-MiniLM-L6-v2, which is bundled, if
            not given. A folder of that name goes before the Hub.
        revision: Branch, tag or commit on the Hub. If not given: the pinned commit of a model that
            is known (`known.py`), else what the branch `main` is now. For a folder: what
            `ResolvedModel.revision` said of it, to make sure that it has not changed.
        home: Folder that keeps what is fetched; `WIKI_EMBEDDINGS_HOME` if not given.
        any_transformer: Whether a transformer that we do not compute ourselves will do, as for the
            engine `tei`.

    Raises:
        BadInputError: There is no such model, its files are incomplete or damaged, or it is not
            one that we compute.
        WikiEmbeddingsError: The Hub cannot be reached, or the files cannot be stored.
    """
    model = DEFAULT_MODEL if model is None else model
    if Path(model).is_dir():
        return _in_folder(Path(model), revision, any_transformer)
    name = str(model)
    if isinstance(model, Path) or not _HUB_NAME.fullmatch(name):
        raise BadInputError(
            f"There is no model {name}: it is neither a folder here nor a name on the Hub, which "
            f"has the form org/name, as in {DEFAULT_MODEL}."
        )
    return _named(name, revision, home, any_transformer)


def _named(
    name: str, revision: str | None, home: Path | None, any_transformer: bool
) -> ResolvedModel:
    known = KNOWN_MODELS.get(name)
    if known and known.bundled and revision in {None, known.revision}:
        return _read(bundled.bundled_model(), name, known.revision, known, any_transformer)
    # The Hub's client takes longer to import than a bundled model takes to resolve.
    from wiki_embeddings.encoders.models.cache import fetched_model

    wanted = revision or (known.revision if known else "main")
    folder, commit = fetched_model(name, wanted, home or settings.home(), any_transformer)
    return _read(folder, name, commit, known, any_transformer)


def _in_folder(folder: Path, revision: str | None, any_transformer: bool) -> ResolvedModel:
    resolved = _read(folder.absolute(), str(folder.absolute()), None, None, any_transformer)
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
    any_transformer: bool,
) -> ResolvedModel:
    files = read_model_files(folder, any_transformer=any_transformer)
    check_weights(folder / WEIGHTS, files.bert)
    weights_sha256 = sha256_of_file(folder / WEIGHTS)
    pinned = known.weights_sha256 if known and revision == known.revision else None
    if pinned and weights_sha256 != pinned:
        raise BadInputError(
            f"The weights {folder / WEIGHTS} are not those of {name} at {revision}: their SHA-256 "
            f"is {weights_sha256}, not {pinned}. Delete {folder} and fetch them "
            "again from where you trust."
        )
    return ResolvedModel(
        name=name,
        revision=revision or f"sha256:{weights_sha256}",
        folder=folder,
        bert=files.bert,
        dimensions=files.dimensions,
        vocab_size=files.vocab_size,
        special_tokens=files.special_tokens,
        pooling=files.pooling,
        max_length=files.max_length,
        query_prefix=known.query_prefix if known else files.query_prefix,
        passage_prefix=known.passage_prefix if known else files.passage_prefix,
        weights_sha256=weights_sha256,
        tokenizer_sha256=sha256_of_file(folder / TOKENIZER),
    )
