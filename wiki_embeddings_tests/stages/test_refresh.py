"""A refresh after random edits: what it costs, that nothing differs, and what it tells readers."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings import encoders
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, ShardFile
from wiki_embeddings.schemas import CHANGES_SCHEMA
from wiki_embeddings.stages.changes import blocks, compare, write_changes
from wiki_embeddings.stages.reuse import EMBEDDED, REUSED
from wiki_embeddings.volume import Volume, reports_folder
from wiki_embeddings_tests.support.edited_wiki import (
    Page,
    Pages,
    chunked_output,
    embedded_output,
    raw_output,
)
from wiki_embeddings_tests.support.passage_states import States, apply_changes, states

PARAGRAPHS = [f"The bridge number {n} of this town was built of stone. " * 7 for n in range(12)]

paragraphs = st.lists(st.sampled_from(PARAGRAPHS), min_size=1, max_size=4).map(tuple)


@st.composite
def edit_scripts(draw: st.DrawFn) -> tuple[Pages, Pages]:
    """Two snapshots of a wiki, with some pages edited, moved, removed, made redirects and added."""
    ids = draw(st.lists(st.integers(1, 60), unique=True, min_size=4, max_size=14))
    before = {i: Page(f"Town {i}", draw(paragraphs)) for i in ids}
    after = dict(before)
    for i in draw(st.lists(st.sampled_from(ids), unique=True, max_size=6)):
        match draw(st.sampled_from(["edit", "move", "touch", "remove", "redirect"])):
            case "edit":
                after[i] = replace(before[i], paragraphs=draw(paragraphs), revision=2)
            case "move":
                after[i] = replace(before[i], title=f"Old town {i}", revision=2)
            case "touch":  # a new revision with the same text, as after a change of an infobox
                after[i] = replace(before[i], revision=2)
            case _:  # a redirect is no article
                del after[i]
    for i in draw(st.lists(st.integers(1, 80), unique=True, max_size=3)):
        after.setdefault(i, Page(f"New town {i}", draw(paragraphs)))
    return before, after or {99: Page("The last town", (PARAGRAPHS[0],))}


def states_of(volume: Volume, manifest: Manifest) -> States:
    return states(volume.path(manifest.reference(file)) for file in manifest.files)


@given(edit_scripts())
@settings(max_examples=20)
def test_a_refresh_costs_what_changed_gives_the_same_bytes_and_says_what_differs(
    tiny_model, script
):
    with tempfile.TemporaryDirectory() as folder:
        volume = Volume(Path(folder))
        first, second = (
            chunked_output(
                volume, raw_output(volume, pages, f"2026010{n}", articles_per_shard=4), tiny_model
            )
            for n, pages in enumerate(script)
        )
        old = embedded_output(volume, first)
        refreshed = embedded_output(volume, second, old)
        before, after = states_of(volume, old), states_of(volume, refreshed)
        hashes = {hash_ for hash_, _ in before.values()}
        assert refreshed.effort(EMBEDDED) == sum(h not in hashes for h, _ in after.values())
        assert refreshed.effort(REUSED) == sum(h in hashes for h, _ in after.values())

        path = volume.path("changes.parquet")
        counts = write_changes(volume, path, old, refreshed)
        assert sum(counts.values()) == pq.read_metadata(path).num_rows
        assert apply_changes(before, path) == after

        shutil.rmtree(volume.path(refreshed.folder))
        shutil.rmtree(volume.path(reports_folder(refreshed.folder)))
        alone = embedded_output(volume, second)
        assert alone.effort(REUSED) == 0
        assert [f.sha256 for f in alone.files] == [f.sha256 for f in refreshed.files]
        assert alone.digest == refreshed.digest


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_vector_does_not_depend_on_the_other_chunks(tiny_model, precision):
    encoder = encoders.load(tiny_model, "cpu", precision=precision)
    texts = [f"{text} {n}" for n, text in enumerate(PARAGRAPHS)] + ["a", "", "two towns"] * 3
    together = encoder.encode_texts(texts)
    for begin, end in ((0, 1), (3, 8), (12, 13), (13, 14)):
        assert encoder.encode_texts(texts[begin:end]).tobytes() == together[begin:end].tobytes()


def shard(min_id: int, max_id: int) -> ShardFile:
    return ShardFile(f"{min_id}", 1, 1, "", min_id, max_id, 1, {})


def test_only_shards_whose_page_ids_overlap_are_read_together():
    old = [shard(1, 4), shard(5, 9), shard(10, 20), shard(30, 40)]
    new = [shard(1, 4), shard(5, 11), shard(12, 20), shard(21, 22), shard(50, 60)]
    assert list(blocks(old, new)) == [
        ([old[0]], [new[0]]),
        ([old[1], old[2]], [new[1], new[2]]),
        ([], [new[3]]),
        ([old[3]], []),
        ([], [new[4]]),
    ]
    assert list(blocks([], [])) == []


def passages(*rows: tuple[int, int, str, int | None]) -> pa.Table:
    columns = CHANGES_SCHEMA.names[:4]
    fields = [CHANGES_SCHEMA.field(name) for name in columns]
    return pa.Table.from_pylist(
        [dict(zip(columns, row, strict=True)) for row in rows], schema=pa.schema(fields)
    )


def test_revisions_that_no_source_tells_are_equal():
    old = passages((1, 0, "a", None), (2, 0, "b", None), (3, 0, "c", None))
    new = passages((1, 0, "a", None), (2, 0, "x", None), (3, 0, "c", 7))
    found = [
        (row["id"], row["change"], row["revision_id"]) for row in compare(old, new).to_pylist()
    ]
    assert found == [(2, "changed", None), (3, "changed", 7)]
    assert compare(old, old).num_rows == 0
    assert compare(passages(), passages()).schema == CHANGES_SCHEMA


def test_a_lost_shard_is_named_with_what_helps(volume, tiny_model):
    raw = raw_output(volume, {1: Page("Town", (PARAGRAPHS[0],))}, "20260101")
    vectors = embedded_output(volume, chunked_output(volume, raw, tiny_model))
    volume.path(vectors.reference(vectors.files[0])).unlink()
    with pytest.raises(BadInputError, match=r"found missing.*published without its changes"):
        write_changes(volume, volume.path("changes.parquet"), vectors, vectors)
