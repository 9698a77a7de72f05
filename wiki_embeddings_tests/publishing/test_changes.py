"""What a snapshot changed is published with it, and stays when the next one is published."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from wiki_embeddings.manifest import upstream_manifest
from wiki_embeddings.publishing.local_folder import publish_to_folder
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Datasets,
    create_dataset,
    read_content,
)


@pytest.fixture
def successors(datasets: Datasets) -> Datasets:
    """The second dataset compared with the first, and the first as if it came after the second."""
    one, other = (
        upstream_manifest(datasets.volume, dataset) for dataset in (datasets.first, datasets.second)
    )
    return replace(
        datasets,
        first=create_dataset(datasets.volume, other, previous=one),
        second=create_dataset(datasets.volume, one, previous=other),
    )


def test_changes_are_published_and_those_of_earlier_snapshots_stay(datasets, successors, hub):
    datasets.publish(datasets.first)
    assert not [path for path in read_content(hub) if path.startswith("changes/")]
    successors.publish(successors.first)
    changes = read_content(hub)["changes/20240101.parquet"]
    assert successors.check_readback(successors.first).passed
    successors.publish(successors.second)
    content = read_content(hub)
    assert content["changes/20240101.parquet"] == changes
    assert "changes/20231101.parquet" in content
    assert successors.check_readback(successors.second).passed
    card = hub.files(REPO_ID)["README.md"].data
    assert b"path: changes/20231101.parquet" in card
    assert b"removed since 20240101" in card


def test_in_a_folder_they_stay_too(datasets, successors, tmp_path):
    for dataset in (datasets.first, successors.first, successors.second):
        place = publish_to_folder(datasets.volume, dataset.folder, tmp_path / "hub")
    names = sorted(path.name for path in (place / "changes").iterdir())
    assert names == ["20231101.parquet", "20240101.parquet"]
    kinds = pq.read_table(place / "changes" / "20240101.parquet").column("change").to_pylist()
    assert set(kinds) == {"added", "removed"}, "the last shard has other pages"


def test_a_card_does_not_offer_an_empty_config(datasets, tmp_path):
    vectors = upstream_manifest(datasets.volume, datasets.first)
    same = create_dataset(datasets.volume, vectors, previous=vectors)
    place = publish_to_folder(datasets.volume, same.folder, tmp_path / "hub")
    assert "config_name: changes" not in (place / "README.md").read_text()
