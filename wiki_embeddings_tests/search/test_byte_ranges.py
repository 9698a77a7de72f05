"""Files of a folder by ranges."""

from __future__ import annotations

import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.byte_ranges import ChangedFileError, FolderRanges, MissingFileError


@pytest.fixture
def files(tmp_path):
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "lists.bin").write_bytes(bytes(range(100)))
    return FolderRanges(tmp_path)


def test_ranges_are_read_in_any_order_and_counted(files):
    assert files.size("index/lists.bin") == 100
    read = files.read("index/lists.bin", [(90, 100), (0, 3), (5, 5)])
    assert read == [bytes(range(90, 100)), b"\x00\x01\x02", b""]
    assert (files.traffic.requests, files.traffic.bytes) == (3, 13)


def test_a_missing_file_is_told_from_one_that_cannot_be_read(files):
    with pytest.raises(MissingFileError, match=r"has no file index/head\.bin"):
        files.size("index/head.bin")
    with pytest.raises(BadInputError, match="Cannot read index of"):
        files.read("index", [(0, 1)])


@pytest.mark.parametrize("range_", [(90, 101), (-1, 3), (5, 4)])
def test_a_range_outside_the_file_is_refused(files, range_):
    with pytest.raises(BadInputError, match="has 100 bytes, but bytes"):
        files.read("index/lists.bin", [(0, 1), range_])


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "index/../../x", "a//b", "", "a\\b"])
def test_a_path_out_of_the_dataset_is_refused(files, path):
    with pytest.raises(BadInputError, match="no path within a dataset"):
        files.read(path, [(0, 1)])


def test_a_replaced_file_is_never_read_as_the_first_one(files, tmp_path):
    files.read("index/lists.bin", [(0, 1)])
    other = tmp_path / "other"
    other.write_bytes(bytes(reversed(range(100))))
    other.replace(tmp_path / "index" / "lists.bin")
    with pytest.raises(ChangedFileError, match="has changed since it was opened"):
        files.read("index/lists.bin", [(0, 1)])
