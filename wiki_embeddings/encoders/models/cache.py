"""Models from the Hub, kept in one folder per commit and used without network from then on.

    {org}--{name}/{commit}/config.json … model.safetensors
    {org}--{name}/{commit}/files.json      written last: the SHA-256 of each file

Small files come first, so that an unsupported model is refused before its weights are fetched.
Only settings, tokenizer and safetensors are ever fetched.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from wiki_embeddings import hub_files
from wiki_embeddings.encoders.models.config import read_model_config
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
_REQUIRED = (CONFIG, TOKENIZER, WEIGHTS)
_SETTINGS = frozenset({CONFIG, TOKENIZER, TOKENIZER_CONFIG, MODULES, TRANSFORMER_CONFIG, PROMPTS})
_MODULE_SETTINGS = re.compile(r"\d+_\w+/config\.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_model(
    name: str, revision: str, models_folder: Path, any_architecture: bool = False
) -> tuple[Path, str]:
    """Return the folder and the commit of a model, fetching it unless it is in the cache.

    Args:
        name: Repository on the Hub, `org/name`.
        revision: Branch, tag or full commit id. Only a commit can be looked up without the Hub.
        models_folder: Folder that keeps fetched models.
        any_architecture: Also fetch a transformer that we do not compute ourselves.

    Raises:
        BadInputError: There is no such model or revision, or the model is not supported.
        WikiEmbeddingsError: The Hub cannot be reached, or the files cannot be stored or have
            changed since they were.
    """
    repository = models_folder / name.replace("/", "--")
    if _COMMIT.fullmatch(revision) and _is_complete(repository / revision):
        return _verify(repository / revision), revision
    snapshot = _resolve_snapshot(name, revision, repository)
    folder = repository / snapshot.commit
    if not _is_complete(folder):
        _fetch(snapshot, folder, any_architecture)
    return _verify(folder), snapshot.commit


def _is_complete(folder: Path) -> bool:
    return (folder / _COMPLETE).is_file()


def _resolve_snapshot(name: str, revision: str, repository: Path) -> hub_files.HubSnapshot:
    try:
        return hub_files.resolve(name, repo_type="model", revision=revision)
    except BadInputError:
        raise
    except WikiEmbeddingsError as error:
        commits = sorted(path.parent.name for path in repository.glob(f"*/{_COMPLETE}"))
        if not commits:
            raise
        raise WikiEmbeddingsError(
            f"{error} To do without the Hub, give a commit that is already on this machine as the "
            f"revision: {', '.join(commits)}."
        ) from error


def _fetch(snapshot: hub_files.HubSnapshot, folder: Path, any_architecture: bool) -> None:
    files = {file.path: file for file in snapshot.files}
    for path in _REQUIRED:
        if path not in files:
            raise BadInputError(
                f"The model {snapshot.repo_id} at {snapshot.commit} publishes no {path}, and "
                "nothing else is read in its place. Choose another model or revision."
            )
    small = [path for path in files if path in _SETTINGS or _MODULE_SETTINGS.fullmatch(path)]
    for path in small:
        hub_files.download(snapshot, files[path], folder / path)
    read_model_config(folder, any_architecture=any_architecture)
    hub_files.download(snapshot, files[WEIGHTS], folder / WEIGHTS)
    digests = {path: sha256_of_file(folder / path) for path in (*small, WEIGHTS)}
    write_bytes(folder / _COMPLETE, json.dumps(digests, indent=2).encode())


def _verify(folder: Path) -> Path:
    """Return a model's folder after checking that its files are still those that were fetched."""
    for path, digest in json.loads((folder / _COMPLETE).read_bytes()).items():
        file = folder / path
        if not file.is_file() or sha256_of_file(file) != digest:
            raise WikiEmbeddingsError(
                f"{file} is no longer the file that was fetched from the Hub (SHA-256 {digest}). "
                f"Delete the folder {folder} and run again."
            )
    return folder
