"""Models from the Hub, kept in a folder for each commit and used without network from then on.

    models/{org}--{name}/{commit}/config.json … model.safetensors
    models/{org}--{name}/{commit}/files.json      written last: each file with its SHA-256

What is small comes first, so that a model that cannot be computed is refused before its weights
are fetched. Nothing else than settings, tokenizer and safetensors is ever fetched.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from wiki_embeddings import hub_files
from wiki_embeddings.encoders.models.config import read_model_files
from wiki_embeddings.encoders.models.json_files import (
    CONFIG,
    MODULES,
    PROMPTS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    TRANSFORMER_CONFIG,
)
from wiki_embeddings.encoders.models.weights import WEIGHTS
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.volume import sha256_of_file, write_bytes

_COMPLETE = "files.json"
_NEEDED = (CONFIG, TOKENIZER, WEIGHTS)
_SETTINGS = frozenset({CONFIG, TOKENIZER, TOKENIZER_CONFIG, MODULES, TRANSFORMER_CONFIG, PROMPTS})
_MODULE_SETTINGS = re.compile(r"\d+_\w+/config\.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def fetched_model(
    name: str, revision: str, home: Path, any_transformer: bool = False
) -> tuple[Path, str]:
    """Gives the folder and the commit of a model, which is fetched unless it is there.

    Args:
        name: Repository on the Hub, `org/name`.
        revision: Branch, tag or full commit id. Only for a commit can the Hub be left unasked.
        home: Folder under which `models/` lies.
        any_transformer: Whether a transformer that we do not compute is fetched, too.

    Raises:
        BadInputError: No such model or revision, or not one that we compute.
        WikiEmbeddingsError: The Hub cannot be reached, the files cannot be stored, or those that
            were stored have changed.
    """
    repository = home / "models" / name.replace("/", "--")
    if _COMMIT.fullmatch(revision) and _is_complete(repository / revision):
        return _verified(repository / revision), revision
    snapshot = _snapshot(name, revision, repository)
    folder = repository / snapshot.commit
    if not _is_complete(folder):
        _fetch(snapshot, folder, any_transformer)
    return _verified(folder), snapshot.commit


def _is_complete(folder: Path) -> bool:
    return (folder / _COMPLETE).is_file()


def _snapshot(name: str, revision: str, repository: Path) -> hub_files.HubSnapshot:
    try:
        return hub_files.resolve(name, repo_type="model", revision=revision)
    except BadInputError:
        raise
    except WikiEmbeddingsError as error:
        commits = sorted(path.parent.name for path in repository.glob(f"*/{_COMPLETE}"))
        if not commits:
            raise
        raise WikiEmbeddingsError(
            f"{error} Without the Hub, name a commit that is here already as the revision: "
            f"{', '.join(commits)}."
        ) from error


def _fetch(snapshot: hub_files.HubSnapshot, folder: Path, any_transformer: bool) -> None:
    files = {file.path: file for file in snapshot.files}
    for path in _NEEDED:
        if path not in files:
            raise BadInputError(
                f"The model {snapshot.repo_id} at {snapshot.commit} publishes no {path}, and "
                "nothing else is read in its place. Choose another model or revision."
            )
    chosen = [path for path in files if path in _SETTINGS or _MODULE_SETTINGS.fullmatch(path)]
    for path in chosen:
        hub_files.download(snapshot, files[path], folder / path)
    read_model_files(folder, any_transformer=any_transformer)
    hub_files.download(snapshot, files[WEIGHTS], folder / WEIGHTS)
    digests = {path: sha256_of_file(folder / path) for path in (*chosen, WEIGHTS)}
    write_bytes(folder / _COMPLETE, json.dumps(digests, indent=2).encode())


def _verified(folder: Path) -> Path:
    """Makes sure that the files are still those that were fetched."""
    for path, digest in json.loads((folder / _COMPLETE).read_bytes()).items():
        file = folder / path
        if not file.is_file() or sha256_of_file(file) != digest:
            raise WikiEmbeddingsError(
                f"{file} is no longer the file that was fetched from the Hub (SHA-256 {digest}). "
                f"Delete the folder {folder} and run it again."
            )
    return folder
