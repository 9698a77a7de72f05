"""The pytest fixture `modal_plane`: a control plane whose client this process is.

Modal is imported where a test asks for it, so that a `conftest.py` may import this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane

HF_TOKEN = "hf_local"


@contextmanager
def use_plane(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make this process a client of a plane while the block runs.

    Modal keeps one client and one description of the environment per process.
    """
    from modal import Client, _environments
    from modal.client import _Client

    for name in [name for name in os.environ if name.startswith("MODAL_")]:
        monkeypatch.delenv(name)
    for name, value in plane.environment().items():
        monkeypatch.setenv(name, value)
    _Client._set_env_client(None)
    _environments.ENVIRONMENT_CACHE.clear()
    try:
        yield
    finally:
        if _Client._client_from_env is not None:
            Client.from_env().close()
        _Client._set_env_client(None)
        _environments.ENVIRONMENT_CACHE.clear()


@pytest.fixture(name="modal_plane")
def modal_plane_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    """A control plane with the secret `huggingface` and a short scaledown window."""
    from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
    from wiki_embeddings_tests.standins.modal.options import Options

    folder = tmp_path / "modal"
    folder.mkdir()
    options = Options(scaledown_window_s=2.0, retry_delay_s=0.05)
    secrets = {"huggingface": {"HF_TOKEN": HF_TOKEN}}
    with ControlPlane(folder, secrets, options) as plane, use_plane(plane, monkeypatch):
        yield plane
