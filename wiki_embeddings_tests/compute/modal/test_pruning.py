"""Pruning on Modal: in a container, and committed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings import pruning
from wiki_embeddings.compute.modal.compute import connect
from wiki_embeddings.compute.modal.deployment import VOLUME
from wiki_embeddings.compute.protocol import ContainerOptions
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.support.stored_outputs import folder_of


@pytest.fixture
def cloud(tmp_path: Path, tiny_model: Path) -> Iterator[Cloud]:
    with new_cloud(tmp_path, tiny_model) as cloud:
        yield cloud


def test_old_outputs_are_removed_from_the_volume_for_all_containers(cloud):
    compute = connect(ContainerOptions())
    folders = [folder_of("raw", number) for number in range(4)]
    for folder in folders:
        manifest = {"settings": {"raw": {"fraction": 1.0}}, "upstream": None}
        compute.files.write_bytes(f"{folder}/part-00000.parquet", b"rows")
        compute.files.write_bytes(f"{folder}/manifest.json", json.dumps(manifest).encode())
    plan = compute.call(pruning.plan_pruning, [folders[0]])
    assert [removal.folder for removal in plan.removals] == [folders[1]]
    removed = compute.change(pruning.prune, [folders[0]], [folders[1]])
    assert [removal.folder for removal in removed] == [folders[1]]
    left = {name.rpartition("/")[0] for name in cloud.plane.volumes.files(VOLUME)}
    assert left == {folders[0], folders[2], folders[3]}
    assert not compute.call(pruning.plan_pruning, [folders[0]]).removals
