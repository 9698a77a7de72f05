"""The fixture that makes this process a client of a local Hub."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants, hf_api

from wiki_embeddings_tests.standins.hub.local_hub import LocalHub
from wiki_embeddings_tests.standins.hub.servers import local_hub

OF_THE_USER = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_OIDC_RESOURCE",
    "HF_HUB_OFFLINE",
    "HF_HUB_CACHE",
    "HF_XET_CACHE",
    "HF_ASSETS_CACHE",
    "HF_DATASETS_CACHE",
)
"""What would let a client be somebody, stay away, or keep its files elsewhere."""


@pytest.fixture(name="hub")
def hub_fixture(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalHub]:
    """A local Hub in `HF_ENDPOINT`, without a login and without a proxy."""
    with use_local_hub(monkeypatch, tmp_path_factory.mktemp("logged_out")) as hub:
        yield hub


@contextmanager
def use_local_hub(monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> Iterator[LocalHub]:
    """Make this process and its children clients of a local Hub while the block runs.

    Args:
        monkeypatch: Restores the environment and the libraries.
        nowhere: Folder without a token; will hold the caches.
    """
    for name in OF_THE_USER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(nowhere))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    _forget_connections()
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        _point_hub_client(monkeypatch, hub.url, nowhere)
        _point_datasets(monkeypatch, hub.url, nowhere)
        yield hub
        _forget_connections()


def without_xet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children upload by LFS, until the test ends.

    Ignores the client's use of a deprecated argument of `httpx2`.
    """
    warnings.filterwarnings("ignore", "Use 'content=", DeprecationWarning)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


def _point_hub_client(monkeypatch: pytest.MonkeyPatch, url: str, home: Path) -> None:
    """Replace the settings that `huggingface_hub` read from the environment at import."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    replaced = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": template,
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_ASSETS_CACHE": str(home / "assets"),
    }
    for name, value in replaced.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(hf_api.api, "endpoint", url)


def _point_datasets(monkeypatch: pytest.MonkeyPatch, url: str, home: Path) -> None:
    """Do the same for `datasets` if it is imported; else it will read the environment."""
    config = sys.modules.get("datasets.config")
    if config is None:
        return
    cache = home / "datasets"
    replaced = {
        "HF_ENDPOINT": url,
        "HUB_DATASETS_URL": url + "/datasets/{repo_id}/resolve/{revision}/{path}",
        "HF_CACHE_HOME": str(home),
        "HF_DATASETS_CACHE": cache,
        "DOWNLOADED_DATASETS_PATH": cache / "downloads",
        "EXTRACTED_DATASETS_PATH": cache / "downloads" / "extracted",
        "HF_MODULES_CACHE": home / "modules",
    }
    for name, value in replaced.items():
        monkeypatch.setattr(config, name, value)


def _forget_connections() -> None:
    huggingface_hub.close_session()
    huggingface_hub.HfFileSystem.clear_instance_cache()
