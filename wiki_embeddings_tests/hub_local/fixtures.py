"""The fixture that points everything in this process at a local Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub import constants

from wiki_embeddings_tests.hub_local.local_hub import LocalHub
from wiki_embeddings_tests.hub_local.servers import local_hub


@pytest.fixture(name="hub")
def hub_fixture(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalHub]:
    """A local Hub that `HF_ENDPOINT` points at, with nobody logged in and no proxy between."""
    with hub_of_this_process(monkeypatch, tmp_path_factory.mktemp("logged_out")) as hub:
        yield hub


@contextmanager
def hub_of_this_process(monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> Iterator[LocalHub]:
    """Point everything in this process at a local Hub.

    Args:
        monkeypatch: Undoes it.
        nowhere: Folder that holds no token.
    """
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(nowhere / "token"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    huggingface_hub.close_session()
    with local_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
        huggingface_hub.close_session()
