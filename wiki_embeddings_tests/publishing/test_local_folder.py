from __future__ import annotations

import json

import pytest
from datasets import load_dataset

from wiki_embeddings.dataset_layout import CARD, RECORD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.publishing.local_folder import publish_to_folder
from wiki_embeddings_tests.publishing.runs import create_dataset
from wiki_embeddings_tests.support.synthetic import write_embeddings

NAME = "wikipedia-simple-tiny-model"


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=4, rows_each=10)


def test_the_link_moves_from_one_version_to_the_next(tmp_path, volume, vectors):
    hub = tmp_path / "hub"
    first = publish_to_folder(volume, create_dataset(volume, vectors).folder, hub)
    old_version = first.resolve()
    assert first == hub / NAME
    assert len(list((first / "data").iterdir())) == 1

    assert (
        publish_to_folder(volume, create_dataset(volume, vectors, shards_per_file=1).folder, hub)
        == first
    )
    assert len(list((first / "data").iterdir())) == 4
    assert sorted(path.name for path in hub.iterdir()) == [".versions", NAME]
    assert len(list((old_version / "data").iterdir())) == 1, "readers of the old version keep it"


def test_the_folder_of_links_opens_with_datasets(tmp_path, volume, vectors):
    place = publish_to_folder(volume, create_dataset(volume, vectors).folder, tmp_path / "hub")
    cache = str(tmp_path / "cache")
    for config, columns in (("default", 12), ("vectors", 4), ("small", 12)):
        rows = load_dataset(str(place), config, split="train", cache_dir=cache)
        assert (rows.num_rows, len(rows.features)) == (40, columns)
    found = sorted(p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file())
    assert found == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "small/train-00000-of-00001.parquet",
        RECORD,
    ]


def test_the_record_lists_every_published_file(tmp_path, volume, vectors):
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    record = json.loads((place / RECORD).read_text())
    assert record["digest"] == manifest.digest
    assert [(file["name"], file["sha256"]) for file in record["files"]] == [
        (file.name, file.sha256) for file in manifest.files if file.name != CARD
    ]


def test_publishing_the_same_again_changes_nothing(tmp_path, volume, vectors):
    folder, hub = create_dataset(volume, vectors).folder, tmp_path / "hub"
    first = publish_to_folder(volume, folder, hub).resolve()
    assert publish_to_folder(volume, folder, hub).resolve() == first


def test_a_folder_in_the_way_is_not_touched(tmp_path, volume, vectors):
    folder = tmp_path / "hub" / NAME
    folder.mkdir(parents=True)
    with pytest.raises(BadInputError, match="is in the way"):
        publish_to_folder(volume, create_dataset(volume, vectors).folder, tmp_path / "hub")
    assert folder.is_dir()
    assert not folder.is_symlink()
