"""This project's own settings (`WIKI_EMBEDDINGS_*`), read here and nowhere else.

What changes a result is Dagster run config instead (`defs/config.py`). Tokens are read by the SDKs
that use them and never pass through here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wiki_embeddings.errors import BadInputError

SAMPLE_WIKI = "sample"
"""The bundled wiki: real articles, without an account or a network."""

ComputeKind = Literal["local", "modal"]
"""This machine, or the app deployed on Modal."""

_COMPUTES: Mapping[str, ComputeKind] = {"local": "local", "modal": "modal"}

_WIKI = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Language codes of Wikipedias, such as `en`, `simple` and `zh-min-nan`."""

_NAMESPACE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
"""Names of users and organisations on the Hub."""


@dataclass(frozen=True)
class Settings:
    """The settings of this process.

    Attributes:
        home: Root of the local volume, the local Hub folder, the model cache and the Dagster
            instance.
        compute: Where the stages run: `local` or `modal`.
        wikis: The partitions, in the order of the UI.
        hub_namespace: User or organisation on the Hugging Face Hub to publish to; None to publish
            to a local folder.
    """

    home: Path
    compute: ComputeKind
    wikis: tuple[str, ...]
    hub_namespace: str | None = None

    @property
    def volume(self) -> Path:
        """Root of the local volume."""
        return self.home / "volume"

    @property
    def hub(self) -> Path:
        """Folder with a folder in Hub layout for each published dataset."""
        return self.home / "hub"

    @property
    def dagster_home(self) -> Path:
        """Home of the Dagster instance, unless `DAGSTER_HOME` names another."""
        return self.home / "dagster"


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from environment variables.

    Args:
        environment: The variables; see the table of settings in the README.

    Raises:
        BadInputError: A variable has an invalid value.
    """
    compute = environment.get("WIKI_EMBEDDINGS_COMPUTE") or "local"
    if compute not in _COMPUTES:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_COMPUTE is {compute!r}, but stages run only on "
            f"{' or '.join(_COMPUTES)}: unset it or set it to one of these."
        )
    namespace = environment.get("WIKI_EMBEDDINGS_HUB_NAMESPACE") or None
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        raise BadInputError(
            f"WIKI_EMBEDDINGS_HUB_NAMESPACE is {namespace!r}, which is not the name of a user or "
            "organisation on the Hugging Face Hub: write only the name, or unset it to publish to "
            "a local folder."
        )
    return Settings(
        home=home(environment),
        compute=_COMPUTES[compute],
        wikis=_wikis(environment.get("WIKI_EMBEDDINGS_WIKIS") or "sample,simple,en"),
        hub_namespace=namespace,
    )


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds everything local: an absolute path, which need not exist yet.

    Without `WIKI_EMBEDDINGS_HOME` it is `.wiki_embeddings` in the project, or in the working
    directory where the package is installed outside a checkout.
    """
    named = environment.get("WIKI_EMBEDDINGS_HOME")
    if named:
        return Path(named).expanduser().absolute()
    return (project_root() or Path.cwd()) / ".wiki_embeddings"


def models_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder that keeps the models fetched from the Hub; it need not exist yet."""
    return home(environment) / "models"


def project_root() -> Path | None:
    """Return the checkout that this package runs from; None if it is installed without one."""
    parent = Path(__file__).resolve().parent.parent
    return parent if (parent / "workspace.yaml").is_file() else None


def _wikis(names: str) -> tuple[str, ...]:
    wikis = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    invalid = [repr(wiki) for wiki in wikis if not _WIKI.fullmatch(wiki)]
    if invalid or not wikis:
        raise BadInputError(
            f"WIKI_EMBEDDINGS_WIKIS names {', '.join(invalid) or 'no wiki'}: give language codes "
            "separated by commas, such as sample,simple,en."
        )
    return wikis
