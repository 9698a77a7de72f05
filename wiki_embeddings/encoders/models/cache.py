"""Models from the Hub, kept in one folder per commit and used without network from then on.

    {org}--{name}/{commit}/config.json … model.safetensors
    {org}--{name}/{commit}/files.json      written last: the SHA-256 of each file, and null for a
                                           file that would be read too but is not published

Small files come first, so that an unsupported model is refused before its weights are fetched.
Only settings, tokenizer and safetensors are ever fetched.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from wiki_embeddings import hub_files
from wiki_embeddings.encoders.models.config import read_model_config, transformer_folder
from wiki_embeddings.encoders.models.json_files import (
    ADDED_TOKENS,
    CONFIG,
    MODULES,
    PROMPTS,
    SPECIAL_TOKENS,
    TOKENIZER,
    TOKENIZER_CONFIG,
    TRANSFORMER_CONFIGS,
    VOCABULARY,
)
from wiki_embeddings.encoders.models.weights import WEIGHTS, WEIGHTS_INDEX, weight_files
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.volume import sha256_of_file, write_bytes

_COMPLETE = "files.json"
_REQUIRED = ((CONFIG,), (TOKENIZER, VOCABULARY), (WEIGHTS, WEIGHTS_INDEX))
"""Files of the transformer, of which one in each group must be published."""

_SETTINGS = frozenset(
    {
        *(CONFIG, MODULES, PROMPTS, TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, ADDED_TOKENS),
        *TRANSFORMER_CONFIGS,
    }
)
_MODULE = re.compile(r"\d+_\w+")
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
    """Return True if every file that is read was fetched, or is known not to be published."""
    if not (folder / _COMPLETE).is_file():
        return False
    listed = json.loads((folder / _COMPLETE).read_bytes())
    # Earlier releases asked for the first of these names only.
    asked = any(PurePosixPath(path).name in TRANSFORMER_CONFIGS for path in listed)
    return asked or MODULES not in listed


def _resolve_snapshot(name: str, revision: str, repository: Path) -> hub_files.HubSnapshot:
    try:
        return hub_files.resolve(name, repo_type="model", revision=revision)
    except BadInputError:
        raise
    except WikiEmbeddingsError as error:
        folders = (path.parent for path in repository.glob(f"*/{_COMPLETE}"))
        commits = sorted(folder.name for folder in folders if _is_complete(folder))
        if not commits:
            raise
        raise WikiEmbeddingsError(
            f"{error} To do without the Hub, give a commit that is already on this machine as the "
            f"revision: {', '.join(commits)}."
        ) from error


def _fetch(snapshot: hub_files.HubSnapshot, folder: Path, any_architecture: bool) -> None:
    files = {file.path: file for file in snapshot.files}

    def fetch(*paths: str) -> list[str]:
        found = [path for path in paths if path in files]
        for path in found:
            hub_files.download(snapshot, files[path], folder / path)
        return found

    fetch(MODULES)  # says where the transformer is
    transformer = PurePosixPath(transformer_folder(folder).relative_to(folder))
    for names in _REQUIRED:
        if not any(str(transformer / name) in files for name in names):
            raise BadInputError(
                f"The model {snapshot.repo_id} at {snapshot.commit} publishes no "
                f"{transformer / names[0]}, and nothing else is read in its place. Choose another "
                "model or revision."
            )
    fetched = fetch(*filter(_is_setting, files))
    if str(transformer / TOKENIZER) not in files:
        fetched += fetch(str(transformer / VOCABULARY))
    read_model_config(folder, any_architecture=any_architecture)
    if str(transformer / WEIGHTS) not in files:
        fetched += fetch(str(transformer / WEIGHTS_INDEX))
    weights = [str(transformer / file.name) for file in weight_files(folder / transformer)]
    fetched += fetch(*weights)
    digests = {
        **dict.fromkeys(str(transformer / name) for name in TRANSFORMER_CONFIGS),
        **{path: sha256_of_file(folder / path) for path in fetched},
    }
    write_bytes(folder / _COMPLETE, json.dumps(digests, indent=2).encode())


def _is_setting(path: str) -> bool:
    """Return True for the settings of the model and of its modules."""
    *folders, name = path.split("/")
    in_module = len(folders) == 1 and _MODULE.fullmatch(folders[0]) is not None
    return name in _SETTINGS and (not folders or in_module)


def _verify(folder: Path) -> Path:
    """Return a model's folder after checking that its files are still those that were fetched."""
    for path, digest in json.loads((folder / _COMPLETE).read_bytes()).items():
        file = folder / path
        if digest and (not file.is_file() or sha256_of_file(file) != digest):
            raise WikiEmbeddingsError(
                f"{file} is no longer the file that was fetched from the Hub (SHA-256 {digest}). "
                f"Delete the folder {folder} and run again."
            )
    return folder
