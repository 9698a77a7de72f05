"""Somebody else's dataset of the same name is not replaced, unless the config says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.publishing.local_folder import publish_to_folder, require_publishable
from wiki_embeddings_tests.publishing.runs import (
    REPO_ID,
    Datasets,
    ExpectedContent,
    main_commit,
    read_content,
)
from wiki_embeddings_tests.standins.hub import LocalHub

NAME = REPO_ID.partition("/")[2]

OF_SOMEBODY_ELSE = {
    "a card": {"README.md": b"---\nlicense: mit\n---\n# My corpus\n"},
    "a card without metadata": {"README.md": b"# My corpus\n"},
    "data": {"README.md": b"---\nlicense: mit\n---\n", "data/train-00000-of-00001.parquet": b"a"},
    "data elsewhere": {"train.csv": b"a,b\n", ".gitattributes": b""},
    "a script": {"loader.py": b"print('mine')\n"},
}

EMPTY = {
    "nothing": {".gitattributes": b"*.parquet filter=lfs\n"},
    "a licence": {"README.md": b"---\nlicense: mit\n---\n", ".gitattributes": b""},
    "a blank card": {"README.md": b"\n"},
}


@pytest.mark.parametrize("files", OF_SOMEBODY_ELSE.values(), ids=OF_SOMEBODY_ELSE)
def test_what_is_not_ours_is_refused_and_not_touched(
    hub: LocalHub, datasets: Datasets, files: dict[str, bytes]
):
    commit = hub.add(REPO_ID, files)
    with pytest.raises(BadInputError, match="that this project has not published") as caught:
        datasets.publish(datasets.first)
    assert "`--replace-existing`" in str(caught.value)
    assert main_commit(hub) == commit
    assert not hub.repository(REPO_ID).discussions
    assert not hub.requests("/upload/")


@pytest.mark.parametrize("files", OF_SOMEBODY_ELSE.values(), ids=OF_SOMEBODY_ELSE)
def test_it_is_replaced_if_the_config_says_so(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent, files: dict[str, bytes]
):
    hub.add(REPO_ID, files)
    datasets.publish(datasets.first, replace_existing=True)
    content = read_content(hub)
    published = {path: expected.first[path] for path in expected.first if path != ".gitattributes"}
    assert published.items() <= content.items()
    assert datasets.check_readback(datasets.first).passed
    assert not datasets.publish(datasets.first).has_changed, "it is ours from now on"


@pytest.mark.parametrize("files", EMPTY.values(), ids=EMPTY)
def test_an_empty_repository_is_used(hub: LocalHub, datasets: Datasets, files: dict[str, bytes]):
    hub.add(REPO_ID, files)
    assert datasets.publish(datasets.first).has_changed


def test_our_own_dataset_is_replaced_by_its_next_version(
    hub: LocalHub, datasets: Datasets, expected: ExpectedContent
):
    datasets.publish(datasets.first)
    datasets.publish(datasets.second)
    assert read_content(hub) == expected.second


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_of_somebody_else_in_the_local_folder_stays(
    datasets: Datasets, tmp_path: Path, target: str
):
    hub_folder = tmp_path / "hub"
    (hub_folder / "elsewhere").mkdir(parents=True)
    (hub_folder / NAME).symlink_to(target)
    with pytest.raises(BadInputError, match="is in the way"):
        publish_to_folder(datasets.volume, datasets.first.folder, hub_folder)
    assert (hub_folder / NAME).readlink() == Path(target)


def test_a_link_of_an_earlier_release_in_the_local_folder_is_replaced(
    datasets: Datasets, tmp_path: Path
):
    version = tmp_path / ".versions" / "0123456789abcdef"
    version.parent.mkdir()
    publish_to_folder(datasets.volume, datasets.first.folder, tmp_path).rename(version)
    (tmp_path / NAME).symlink_to(".versions/0123456789abcdef")
    require_publishable(tmp_path, NAME)
    place = publish_to_folder(datasets.volume, datasets.second.folder, tmp_path)
    assert not place.is_symlink()
    assert (place / "README.md").is_file()
    assert not version.exists()


def test_a_name_too_long_for_a_folder_is_refused(tmp_path: Path):
    require_publishable(tmp_path, "a" * 240)
    with pytest.raises(BadInputError, match="too long for the name of a folder"):
        require_publishable(tmp_path, "a" * 250)
