from __future__ import annotations

from pathlib import Path

import pytest

from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.hub_local import hub_fixture
from wiki_embeddings_tests.modal_local.fixtures import modal_plane_fixture
from wiki_embeddings_tests.modal_runs import cloud_fixture
from wiki_embeddings_tests.tiny_model import write_tiny_model

__all__ = ["cloud_fixture", "hub_fixture", "modal_plane_fixture"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model that computes in no time."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """An empty volume."""
    return Volume(tmp_path / "volume")
