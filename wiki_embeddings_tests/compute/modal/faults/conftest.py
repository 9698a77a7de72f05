from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings_tests.compute.modal.faults.embedding_cloud import (
    EmbeddingCloud,
    new_embedding_cloud,
)
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane

CALL_BYTES = 10_000
"""Largest input or output of a call: references, not data."""


@pytest.fixture(scope="package")
def _shared(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[EmbeddingCloud]:
    with new_embedding_cloud(tmp_path_factory.mktemp("faults"), tiny_model) as cloud:
        yield cloud
        large = {
            f"{payload.function} {payload.kind}": len(payload.data)
            for payload in cloud.plane.stats.payloads()
            if len(payload.data) >= CALL_BYTES or payload.as_blob
        }
        assert not large, "no call of any of these tests may carry data"


@pytest.fixture
def cloud(_shared: EmbeddingCloud) -> Iterator[EmbeddingCloud]:
    """The shared cloud, with no fault ordered; containers of the test before may still be warm."""
    yield _shared
    _shared.plane.faults.clear()


@pytest.fixture
def cold(cloud: EmbeddingCloud) -> None:
    """No warm container computes vectors when the test begins."""
    cloud.end_embedders()


@pytest.fixture
def plane(cloud: EmbeddingCloud) -> ControlPlane:
    """The control plane of the cloud."""
    return cloud.plane
