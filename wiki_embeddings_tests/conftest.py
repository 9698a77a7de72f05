from __future__ import annotations

from pathlib import Path

import pytest

from wiki_embeddings.volume import Volume

pytest_plugins = ["wiki_embeddings_tests.hub_local.fixtures"]


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """An empty volume."""
    return Volume(tmp_path / "volume")
