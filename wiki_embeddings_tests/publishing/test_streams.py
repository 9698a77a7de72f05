"""What streams a dataset ends cleanly, each time, in an interpreter that has nothing else to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wiki_embeddings.manifest import write_manifest
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.publishing.conftest import COMPLETE_SETTINGS
from wiki_embeddings_tests.publishing.runs import REPO_ID, Datasets, create_dataset
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN
from wiki_embeddings_tests.support.interpreters import run_often
from wiki_embeddings_tests.support.synthetic import write_embeddings

CHECKS = """
from pathlib import Path
from wiki_embeddings.publishing.readback import check_readback
from wiki_embeddings.manifest import existing_manifest
from wiki_embeddings.stages.load_check import config_opens, opens_with_datasets
from wiki_embeddings.volume import Volume

volume, folder = Volume(Path({root!r})), {folder!r}
print(check_readback(volume, folder, {repo_id!r}).passed)
print(opens_with_datasets(volume, folder).passed)
manifest = existing_manifest(volume, folder)
print(config_opens(volume, manifest, "default", str(volume.path(folder))))
"""


@pytest.fixture
def many_row_groups(tmp_path):
    """A dataset whose one file keeps Arrow's threads busy after its first rows were read."""
    volume = Volume(tmp_path / "volume")
    vectors = write_embeddings(volume, shards=100, rows_each=20, noise_bytes=4000)
    vectors = replace(vectors, settings=COMPLETE_SETTINGS)
    write_manifest(volume, vectors)
    dataset = create_dataset(volume, vectors, shards_per_file=1000)
    return Datasets(volume.root, first=dataset, second=dataset)


def test_the_checks_that_stream_end_cleanly_each_time(many_row_groups, hub, tmp_path):
    many_row_groups.publish(many_row_groups.first)
    code = CHECKS.format(
        root=str(many_row_groups.root), folder=many_row_groups.first.folder, repo_id=REPO_ID
    )
    environment = {"HF_HOME": str(tmp_path / "caches"), "HF_TOKEN": WRITE_TOKEN}
    printed = run_often(code, tmp_path, {**environment, "HF_ENDPOINT": hub.url})
    assert set(printed) == {"True\nTrue\nTrue\n"}
