from __future__ import annotations

import json
import os

import pytest
from filelock import FileLock

from wiki_embeddings.manifest import FORMAT
from wiki_embeddings.pruning import plan_pruning, prune
from wiki_embeddings.volume import Volume, current_record, lock_file, write_bytes
from wiki_embeddings_tests.support.stored_outputs import add_output, folder_of, set_age


@pytest.fixture
def volume(tmp_path) -> Volume:
    return Volume(tmp_path)


def pruned(volume: Volume, current: tuple[str, ...] = ()) -> set[str]:
    """Folders that go, as planned and then as done."""
    planned = [removal.folder for removal in plan_pruning(volume, current).removals]
    assert all(volume.path(folder).parent.exists() for folder in planned), "nothing went yet"
    assert {removal.folder for removal in prune(volume, current, planned)} == set(planned)
    for folder in planned:
        left = volume.path(folder).parent.glob(f"{volume.path(folder).name}*")
        assert {path.suffix for path in left} <= {".lock"}
    return set(planned)


def test_the_last_two_complete_generations_of_each_stage_stay(volume):
    made = [
        [add_output(volume, folder_of(stage, n), age_h=100 - n) for n in range(4)]
        for stage in ("raw", "chunks")
    ]
    assert pruned(volume) == {*made[0][:2], *made[1][:2]}
    assert not pruned(volume)


def test_editions_models_and_fractions_count_apart(volume):
    for n in range(2):
        add_output(volume, folder_of("embeddings", n), age_h=90 - n)
        add_output(volume, folder_of("embeddings", 2 + n), age_h=80 - n, model="large")
        add_output(volume, folder_of("embeddings", 4 + n), age_h=70 - n, fraction=0.01)
        add_output(volume, folder_of("embeddings", n, "fr"), age_h=60 - n)
    assert not pruned(volume)


def test_all_that_a_kept_output_was_made_from_stays(volume):
    raw = [add_output(volume, folder_of("raw", n), age_h=100 - n) for n in range(4)]
    # The oldest articles were cut again, last of all.
    chunks = add_output(volume, folder_of("chunks", 0), age_h=50, upstream=raw[0])
    add_output(volume, folder_of("embeddings", 0), age_h=40, upstream=chunks)
    assert pruned(volume) == {raw[1]}


def test_what_the_record_calls_current_stays_with_what_it_was_made_from(volume):
    raw = [add_output(volume, folder_of("raw", n), age_h=100 - n) for n in range(4)]
    chunks = [
        add_output(volume, folder_of("chunks", n), age_h=50 - n, upstream=raw[n]) for n in range(4)
    ]
    assert pruned(volume, current=(chunks[0],)) == {raw[1], chunks[1]}


def test_what_is_searched_stays_with_what_it_was_made_from(volume):
    chunks = [add_output(volume, folder_of("chunks", n), age_h=100 - n) for n in range(4)]
    made = [
        add_output(volume, folder_of("embeddings", n), age_h=50 - n, upstream=chunks[n])
        for n in range(4)
    ]
    searched = {"format": FORMAT, "folder": made[0], "digest": ""}
    volume.write_bytes(current_record("de"), json.dumps(searched).encode())
    assert pruned(volume) == {made[1], chunks[1]}


def test_an_incomplete_output_goes_after_a_day_without_a_new_file(volume):
    old = add_output(volume, folder_of("embeddings", 1), age_h=25, complete=False)
    busy = add_output(volume, folder_of("embeddings", 2), age_h=25, complete=False)
    write_bytes(volume.path(f"{busy}.reports/b.json"), b"{}")
    add_output(volume, folder_of("embeddings", 3), age_h=23, complete=False)
    (removal,) = plan_pruning(volume, ()).removals
    assert removal.reason == "incomplete, and nothing was written to it for 25 h 00 min"
    assert (removal.files, removal.bytes) == (4, 2006)
    assert pruned(volume) == {old}


def test_an_output_that_somebody_is_making_stays(volume):
    folder = add_output(volume, folder_of("embeddings", 1), age_h=48, complete=False)
    with FileLock(volume.path(lock_file(folder))):
        assert not pruned(volume)
    assert pruned(volume) == {folder}


def test_notes_without_an_output_are_incomplete(volume):
    write_bytes(volume.path(f"{folder_of('raw', 7)}.reports/a.json"), b"{}")
    set_age(volume, folder_of("raw", 7), 30)
    assert pruned(volume) == {folder_of("raw", 7)}


def test_what_became_needed_after_it_was_listed_stays(volume):
    folders = [add_output(volume, folder_of("raw", n), age_h=100 - n) for n in range(3)]
    listed = [removal.folder for removal in plan_pruning(volume, ()).removals]
    assert listed == folders[:1]
    assert not prune(volume, (folders[0],), listed)
    assert (volume.path(folders[0]) / "manifest.json").exists()


def test_a_damaged_manifest_counts_as_complete_and_needs_nothing(volume):
    folder = add_output(volume, folder_of("raw", 1), age_h=48)
    (volume.path(folder) / "manifest.json").write_text("[}")
    assert not pruned(volume)


def test_nothing_outside_the_layout_is_touched(volume, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "kept").touch()
    strangers = [
        "notes.txt",
        "de/raw/notes.txt",
        "de/raw/0123456789abcdef.old/file",
        "de/raw/0123456789ABCDEF/file",
        "de/other/0123456789abcdef/file",
        "0123456789abcdef/file",
    ]
    for name in strangers:
        write_bytes(volume.path(name), b"")
        os.utime(volume.path(name), (0, 0))
    volume.path("de/raw/fedcba9876543210").symlink_to(outside, target_is_directory=True)
    volume.path("fr").symlink_to(outside, target_is_directory=True)
    before = set(volume.root.rglob("*"))
    assert not pruned(volume)
    assert set(volume.root.rglob("*")) == before


def test_an_empty_volume_has_nothing_to_remove(tmp_path):
    assert plan_pruning(Volume(tmp_path / "none"), ()).removals == ()
