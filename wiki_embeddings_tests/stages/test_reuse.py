"""Embedding a snapshot anew costs what changed, and gives what embedding all of it would."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.stages import embed
from wiki_embeddings.stages.reuse import EMBEDDED, KEPT, REUSED, UNREADABLE, can_reuse
from wiki_embeddings.volume import Volume, canonical_json, reports_folder
from wiki_embeddings_tests.support.edited_wiki import (
    Page,
    chunked_output,
    embedded_output,
    raw_output,
)

PAGES = {
    i: Page(
        f"Page {i}",
        tuple(f"The river {i} has bridge {n} of {i * n} metres. " * 8 for n in range(3)),
    )
    for i in range(10, 60)
}
EDITED = {
    **PAGES,
    20: replace(PAGES[20], paragraphs=("A new lead.", *PAGES[20].paragraphs[1:]), revision=2),
    31: replace(PAGES[31], title="Moved"),
}


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return Volume(tmp_path_factory.mktemp("reuse"))


@pytest.fixture(scope="module")
def snapshots(volume: Volume, tiny_model: Path) -> tuple[Manifest, Manifest]:
    """Chunks of two snapshots."""
    pages = (PAGES, EDITED)
    raw = [raw_output(volume, one, f"2026010{n}") for n, one in enumerate(pages)]
    return tuple(chunked_output(volume, one, tiny_model) for one in raw)  # type: ignore[return-value]


@pytest.fixture
def first(volume: Volume, snapshots: tuple[Manifest, Manifest]) -> Manifest:
    return embedded_output(volume, snapshots[0])


def again(volume: Volume, manifest: Manifest) -> None:
    """Remove an output, so that it is made again."""
    shutil.rmtree(volume.path(manifest.folder))
    shutil.rmtree(volume.path(reports_folder(manifest.folder)))


def hashes(volume: Volume, manifest: Manifest) -> list[str]:
    tables = [pq.read_table(volume.path(manifest.reference(f))) for f in manifest.files]
    return [h for table in tables for h in table.column("hash").to_pylist()]


def test_only_changed_chunks_are_embedded_with_the_same_bytes(volume, snapshots, first):
    second = embedded_output(volume, snapshots[1])
    assert second.effort(REUSED) == 0
    again(volume, second)
    refreshed = embedded_output(volume, snapshots[1], first)
    assert refreshed.digest == second.digest
    assert [f.sha256 for f in refreshed.files] == [f.sha256 for f in second.files]
    new = set(hashes(volume, second)) - set(hashes(volume, first))
    assert refreshed.effort(EMBEDDED) == len(new) > 0
    assert refreshed.effort(REUSED) + refreshed.effort(EMBEDDED) == refreshed.rows
    assert refreshed.effort(KEPT) == len(set(hashes(volume, first)) & set(hashes(volume, second)))
    again(volume, refreshed)


def test_without_a_change_no_model_is_loaded(volume, snapshots, first, monkeypatch):
    raw = raw_output(volume, PAGES, "20260109")
    chunks = chunked_output(volume, raw, Path(snapshots[0].model_folder))
    monkeypatch.setattr(encoders, "load", None)
    embed._load_once.cache_clear()
    refreshed = embedded_output(volume, chunks, first)
    assert (refreshed.effort(REUSED), refreshed.effort(EMBEDDED)) == (first.rows, 0)
    assert [f.sha256 for f in refreshed.files] == [f.sha256 for f in first.files]


@pytest.mark.parametrize("fault", ["truncated", "altered", "missing", "no manifest"])
def test_what_is_damaged_is_embedded_again_and_counted(volume, snapshots, first, fault, caplog):
    expected = embedded_output(volume, snapshots[1])
    again(volume, expected)
    damaged = volume.path(first.reference(first.files[2]))
    manifest = volume.path(first.folder) / "manifest.json"
    kept = {path: path.read_bytes() for path in (damaged, manifest)}
    content = kept[damaged]
    if fault == "truncated":
        damaged.write_bytes(content[:-9])
    if fault == "altered":
        damaged.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    if fault == "missing":
        damaged.unlink()
    if fault == "no manifest":
        manifest.unlink()
    refreshed = embedded_output(volume, snapshots[1], first)
    for path, before in kept.items():
        path.write_bytes(before)
    assert refreshed.digest == expected.digest
    assert "reused" in caplog.text
    if fault == "no manifest":
        assert refreshed.effort(REUSED) == 0
    else:
        assert refreshed.effort(UNREADABLE) == 1
        assert refreshed.effort(EMBEDDED) >= first.files[2].rows
        assert refreshed.effort(REUSED) > 0
    again(volume, refreshed)


def test_any_other_setting_of_the_encoder_reuses_nothing(snapshots, first):
    settings = first.settings
    assert can_reuse(first, settings)
    for name, value in settings["embeddings"].items():
        other = {**settings["embeddings"], name: f"another {value}"}
        assert not can_reuse(first, {**settings, "embeddings": other}), name
    info = encoders.describe(snapshots[1].model_folder, "cpu", precision="int8")
    plan = embed.plan(snapshots[1], info, first)
    assert all(spec.earlier is None for spec in plan.specs)


def test_a_longer_budget_reuses_the_chunks_that_come_out_equal(volume, snapshots, first):
    raw = raw_output(volume, PAGES, "20260101")
    chunks = chunked_output(volume, raw, Path(snapshots[0].model_folder), token_budget=128)
    info = encoders.describe(chunks.model_folder, "cpu", precision="float32")
    assert all(spec.earlier for spec in embed.plan(chunks, info, first).specs)


def test_what_is_reused_changes_neither_the_folder_nor_the_size_of_a_spec(snapshots, first):
    info = encoders.describe(snapshots[1].model_folder, "cpu", precision="float32")
    alone, reusing = embed.plan(snapshots[1], info), embed.plan(snapshots[1], info, first)
    assert (alone.folder, alone.settings) == (reusing.folder, reusing.settings)
    assert len(reusing.specs) > 5
    assert (
        max(
            len(canonical_json(vars(spec) | {"chunks": "", "earlier": str(spec.earlier)}))
            for spec in reusing.specs
        )
        < 1000
    )
