from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import (
    Manifest,
    ShardFile,
    finished_shard,
    merged_stats,
    read_current,
    read_manifest,
    upstream_manifest,
    write_current,
    write_manifest,
    write_report,
)
from wiki_embeddings.volume import current_record, sha256_of

FOLDER = "toy/raw/0123"


def manifest_of(*files: ShardFile) -> Manifest:
    return Manifest("toy", "raw", FOLDER, None, {"raw": {"snapshot": "20231101"}}, files)


def shard(name: str = "part-00000.parquet", content: bytes = b"content", **stats) -> ShardFile:
    return ShardFile(name, 3, len(content), sha256_of(content), 1, 9, 1, stats)


def test_a_manifest_is_read_as_it_was_written(volume):
    written = manifest_of(shard(articles=3), shard("part-00001.parquet", articles=4))
    write_manifest(volume, written)
    read = read_manifest(volume, FOLDER)
    assert read == written
    assert read is not None
    assert read.digest == written.digest
    assert (read.rows, read.total("articles")) == (6, 7)
    with pytest.raises(KeyError, match="has no nothing"):
        read.total("nothing")


def test_an_output_without_a_manifest_is_incomplete(volume):
    assert read_manifest(volume, FOLDER) is None


def test_the_digest_changes_with_the_content_and_only_then():
    one = manifest_of(shard())
    assert one.digest == manifest_of(shard()).digest
    assert one.digest != manifest_of(shard(content=b"contents")).digest


@pytest.mark.parametrize(
    ("altered", "complaint"),
    [
        (lambda text: text[:-20], "is not JSON"),
        (lambda text: text.replace('"rows": 3', '"rows": 4', 1), "does not match its own digest"),
        (lambda text: text.replace('"format": 2', '"format": 99', 1), "has format 99"),
        (lambda text: text.replace('"wiki"', '"wikis"', 1), "is incomplete"),
        (lambda _: "[]", "has format None"),
    ],
)
def test_an_altered_manifest_is_refused_with_what_to_do(volume, altered, complaint):
    write_manifest(volume, manifest_of(shard()))
    path = volume.path(FOLDER) / "manifest.json"
    text = altered(path.read_text())
    assert text != path.read_text()
    path.write_text(text)
    with pytest.raises(BadInputError, match=rf"{complaint}.*delete it and materialize"):
        read_manifest(volume, FOLDER)


@given(st.lists(st.integers(0, 100), min_size=1), st.lists(st.integers(0, 9), min_size=3))
def test_statistics_of_parts_add_up_to_those_of_the_whole(numbers, bins):
    parts = [
        {"articles": n, "min_norm": n / 100, "max_norm": n / 100, "histogram": [*bins]}
        for n in numbers
    ]
    merged = merged_stats(parts)
    assert merged["articles"] == sum(numbers)
    assert merged["min_norm"] == min(numbers) / 100
    assert merged["max_norm"] == max(numbers) / 100
    assert merged["histogram"] == [n * len(numbers) for n in bins]


def test_a_finished_shard_is_recognised_by_its_content(volume):
    file = shard(content=b"content", articles=3)
    folder = volume.path(FOLDER)
    folder.mkdir(parents=True)
    (folder / file.name).write_bytes(b"content")
    assert finished_shard(volume, FOLDER, file.name) is None, "there is no report yet"
    write_report(volume, FOLDER, file)
    assert finished_shard(volume, FOLDER, file.name) == file


@pytest.mark.parametrize("content", [b"konTent", b"cont", None])
def test_an_altered_truncated_or_missing_shard_is_not_finished(volume, content):
    file = shard(content=b"content")
    volume.path(FOLDER).mkdir(parents=True)
    write_report(volume, FOLDER, file)
    if content is not None:
        (volume.path(FOLDER) / file.name).write_bytes(content)
    assert finished_shard(volume, FOLDER, file.name) is None


def test_a_changed_upstream_is_refused(volume):
    raw = manifest_of(shard(articles=3))
    chunks = Manifest("toy", "chunks", "toy/chunks/4567", raw.as_upstream(), {}, (shard(),))
    write_manifest(volume, chunks)
    with pytest.raises(BadInputError, match="is missing"):
        upstream_manifest(volume, chunks)
    write_manifest(volume, raw)
    assert upstream_manifest(volume, chunks) == raw
    write_manifest(volume, manifest_of(shard(articles=4)))
    with pytest.raises(BadInputError, match="has changed since"):
        upstream_manifest(volume, chunks)


def test_a_damaged_report_is_treated_as_missing(volume):
    file = shard(content=b"content")
    volume.path(FOLDER).mkdir(parents=True)
    (volume.path(FOLDER) / file.name).write_bytes(b"content")
    write_report(volume, FOLDER, file)
    report = volume.path(f"{FOLDER}.reports") / f"{file.name}.json"
    assert json.loads(report.read_bytes())["rows"] == 3
    report.write_bytes(report.read_bytes()[:10])
    assert finished_shard(volume, FOLDER, file.name) is None


def test_the_embeddings_to_search_are_those_named_last(volume):
    assert read_current(volume, "toy") is None
    for content in (b"content", b"contents"):
        named = manifest_of(shard(content=content))
        write_current(volume, named)
        assert read_current(volume, "toy") == named.as_upstream()
    assert read_current(volume, "other") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}', '{"format": 99, "folder": "a"}'])
def test_a_damaged_record_of_what_to_search_is_none_and_is_replaced(volume, content):
    volume.write_bytes(current_record("toy"), content.encode())
    assert read_current(volume, "toy") is None
    write_current(volume, manifest_of(shard()))
    assert read_current(volume, "toy") is not None
