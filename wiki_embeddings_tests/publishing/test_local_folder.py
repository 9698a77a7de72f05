from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from datasets import load_dataset

from wiki_embeddings.dataset_layout import CARD, INDEX_HEAD, RECORD
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.publishing import folder_replacement
from wiki_embeddings.publishing.local_folder import publish_to_folder
from wiki_embeddings.volume import sha256_of_file
from wiki_embeddings_tests.publishing.runs import create_dataset
from wiki_embeddings_tests.support.synthetic import write_embeddings

NAME = "wikipedia-simple-tiny-model"


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=4, rows_each=10)


def test_a_new_version_takes_the_place_of_the_old_one(tmp_path, volume, vectors):
    hub = tmp_path / "hub"
    place = publish_to_folder(volume, create_dataset(volume, vectors).folder, hub)
    assert place == hub / NAME
    assert len(list((place / "data").iterdir())) == 1
    (place / "LICENSE").write_text("CC BY-SA")
    (place / INDEX_HEAD).parent.mkdir()
    (place / INDEX_HEAD).write_bytes(b"of the old version")

    publish_to_folder(volume, create_dataset(volume, vectors, shards_per_file=1).folder, hub)
    assert len(list((place / "data").iterdir())) == 4
    assert (place / "LICENSE").read_text() == "CC BY-SA", "what people have put there stays"
    assert not (place / INDEX_HEAD).exists(), "an index of other rows would be refused"
    assert sorted(path.name for path in hub.iterdir()) == [f".{NAME}.lock", NAME]


def test_the_folder_opens_after_it_was_copied_and_the_volume_is_gone(tmp_path, volume, vectors):
    place = publish_to_folder(volume, create_dataset(volume, vectors).folder, tmp_path / "hub")
    copied = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", place, copied], check=True)
    shutil.rmtree(volume.root)
    assert sorted(p.relative_to(copied).as_posix() for p in copied.rglob("*") if p.is_file()) == [
        "README.md",
        "data/train-00000-of-00001.parquet",
        "small/train-00000-of-00001.parquet",
        RECORD,
    ]
    cache = str(tmp_path / "cache")
    for folder in (place, copied.rename(tmp_path / "moved")):
        for config, columns in (("default", 12), ("vectors", 4), ("small", 12)):
            rows = load_dataset(str(folder), config, split="train", cache_dir=cache)
            assert (rows.num_rows, len(rows.features)) == (40, columns)


def test_the_files_take_no_room_beside_the_volume(tmp_path, volume, vectors):
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    for file in manifest.files:
        if file.name != CARD:
            assert (place / file.name).samefile(volume.path(manifest.reference(file)))


@pytest.mark.parametrize("linked", [True, False])
def test_a_damaged_file_is_replaced(tmp_path, volume, vectors, linked):
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    file = next(file for file in manifest.files if file.name.startswith("data/"))
    published, source = place / file.name, volume.path(manifest.reference(file))
    intact = published.read_bytes()
    if linked:  # the stage has made the volume's file again, as a new one
        source.unlink()
        source.write_bytes(intact)
    else:
        published.unlink()
    published.write_bytes(intact[:100] + bytes([intact[100] ^ 1]) + intact[101:])

    publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    assert sha256_of_file(published) == file.sha256


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_where_files_cannot_be_linked_they_are_copied(
    tmp_path, volume, vectors, monkeypatch, number
):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    for file in manifest.files:
        if file.name != CARD:
            assert sha256_of_file(place / file.name) == file.sha256
            assert not (place / file.name).samefile(volume.path(manifest.reference(file)))


@pytest.mark.parametrize("exchange", ["by the system", "by three renames"])
def test_a_publisher_killed_at_any_step_leaves_a_version_that_the_next_one_replaces(
    tmp_path, volume, vectors, monkeypatch, exchange
):
    """The steps are every rename and every exchange, each before it happens and after it."""
    hub, first = tmp_path / "hub", create_dataset(volume, vectors)
    second = create_dataset(volume, vectors, shards_per_file=1)
    if exchange == "by three renames":
        monkeypatch.setattr(folder_replacement, "_renameat2", lambda: None)

    def files():
        return len(list((hub / NAME / "data").iterdir())) if (hub / NAME).is_dir() else 0

    seen = []
    for step in itertools.count():
        publish_to_folder(volume, first.folder, hub)
        assert files() == 1
        with killed_at(step, monkeypatch) as done:
            publish_to_folder(volume, second.folder, hub)
        seen.append(files())
        if done:
            break
    assert set(seen) <= ({1, 4} if exchange == "by the system" else {0, 1, 4})
    assert seen[0] == 1
    assert seen[-1] == 4
    assert sorted(path.name for path in hub.iterdir()) == [f".{NAME}.lock", NAME]


class Killed(BaseException):
    """Stands for SIGKILL: nothing that follows happens."""


@contextmanager
def killed_at(step, monkeypatch):
    """Stop at a step of replacing the folder; yields a list that is not empty if there is none."""
    done: list[bool] = []
    count = itertools.count()

    def counted(call):
        def wrapped(*arguments):
            if next(count) == step:
                raise Killed
            result = call(*arguments)
            if next(count) == step:
                raise Killed
            return result

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", counted(Path.rename))
        patch.setattr(folder_replacement, "_exchange", counted(folder_replacement._exchange))
        patch.setattr(folder_replacement, "_remove", counted(folder_replacement._remove))
        try:
            yield done
            done.append(True)
        except Killed:
            pass


def test_the_record_lists_every_published_file(tmp_path, volume, vectors):
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    record = json.loads((place / RECORD).read_text())
    assert record["digest"] == manifest.digest
    assert [(file["name"], file["sha256"]) for file in record["files"]] == [
        (file.name, file.sha256) for file in manifest.files if file.name != CARD
    ]


def test_the_card_links_to_the_code_if_its_address_is_set(tmp_path, volume, vectors, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_CODE_URL", "https://example.org/ada/wiki/")
    place = publish_to_folder(volume, create_dataset(volume, vectors).folder, tmp_path / "hub")
    assert "](https://example.org/ada/wiki); stages" in (place / CARD).read_text()


def test_publishing_the_same_again_changes_nothing(tmp_path, volume, vectors):
    folder, hub = create_dataset(volume, vectors).folder, tmp_path / "hub"
    inode = publish_to_folder(volume, folder, hub).stat().st_ino
    assert publish_to_folder(volume, folder, hub).stat().st_ino == inode


def test_a_file_that_was_deleted_comes_back(tmp_path, volume, vectors):
    manifest = create_dataset(volume, vectors)
    place = publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    (place / "small" / "train-00000-of-00001.parquet").unlink()
    publish_to_folder(volume, manifest.folder, tmp_path / "hub")
    assert (place / "small" / "train-00000-of-00001.parquet").is_file()


def test_a_folder_in_the_way_is_not_touched(tmp_path, volume, vectors):
    folder = tmp_path / "hub" / NAME
    folder.mkdir(parents=True)
    with pytest.raises(BadInputError, match="is in the way"):
        publish_to_folder(volume, create_dataset(volume, vectors).folder, tmp_path / "hub")
    assert folder.is_dir()
    assert not folder.is_symlink()
