"""A refresh from one export to the next: from the XML to the published files, by all assets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wiki_embeddings.certificate import EarlierSnapshot, read_certificate
from wiki_embeddings.manifest import Manifest, existing_manifest
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.defs.sandbox import Sandbox, open_sandbox
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.edited_exports import (
    CHUNKS_AFTER,
    DROPPED,
    EMBEDDED,
    FIRST,
    GONE,
    PAGES,
    PAGES_AFTER,
    SECOND,
    TOKEN_BUDGET,
    WIKI,
    WIKI_ID,
)
from wiki_embeddings_tests.support.exports import served, write_export
from wiki_embeddings_tests.support.homes import digests
from wiki_embeddings_tests.support.passage_states import States, apply_changes, states


def materialize_newest(sandbox: Sandbox) -> dict[str, Any]:
    """Materialize all assets from the newest export; return what `embeddings` records."""
    config: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "dump", "articles_per_shard": 4, "max_missing_share": 0.1},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": TOKEN_BUDGET},
        "embeddings": {"precision": "float32"},
        "hub_dataset": {"shards_per_file": 3},
    }
    run = dagster_runs.materialize(sandbox.instance, WIKI, (), config, sandbox.resources())
    return dagster_runs.metadata(run, "embeddings")


def output(sandbox: Sandbox, asset: str) -> Manifest:
    """The manifest of an asset's last output."""
    return existing_manifest(Volume(sandbox.root / "volume"), sandbox.recorded(asset).folder)


def published(sandbox: Sandbox) -> Path:
    """The folder of the published dataset."""
    (folder,) = (sandbox.root / "hub").glob("wikipedia-*")
    return folder


@dataclass(frozen=True)
class Refresh:
    """A home that was refreshed to the second export, and one that knows only this one.

    Attributes:
        home: The home that had the first export before.
        recorded: What its `embeddings` recorded of the refresh.
        before: Its passages before.
        alone: The other home.
    """

    home: Sandbox
    recorded: dict[str, Any]
    before: States
    alone: Sandbox


@pytest.fixture(scope="module")
def refresh(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Refresh]:
    homes = [tmp_path_factory.mktemp(name) for name in ("refreshed", "alone")]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        served(monkeypatch, tmp_path_factory.mktemp("site")) as site,
        open_sandbox(homes[0], tiny_model) as home,
        open_sandbox(homes[1], tiny_model) as alone,
    ):
        monkeypatch.setenv("OMP_NUM_THREADS", "1")  # starting more processes takes the longest
        write_export(site.root, WIKI_ID, FIRST, PAGES)
        assert "reused_chunks" not in materialize_newest(home)
        before = states((published(home) / "data").rglob("*.parquet"))
        write_export(site.root, WIKI_ID, SECOND, PAGES_AFTER)
        recorded = materialize_newest(home)
        assert "reused_chunks" not in materialize_newest(alone)
        yield Refresh(home, recorded, before, alone)


def test_only_chunks_that_changed_are_embedded(refresh: Refresh):
    counts = [refresh.recorded[f"{what}_chunks"] for what in ("embedded", "reused", "dropped")]
    assert counts == [EMBEDDED, CHUNKS_AFTER - EMBEDDED, DROPPED]


def test_every_file_is_that_of_a_run_from_nothing(refresh: Refresh):
    for asset in ("raw_wikipedia", "chunked_volume", "embeddings"):
        manifest, alone = output(refresh.home, asset), output(refresh.alone, asset)
        assert len(manifest.files) > 1, asset
        assert manifest.digest == alone.digest
        folders = [home.root / "volume" / manifest.folder for home in (refresh.home, refresh.alone)]
        of_home, of_alone = (
            {name: sha256 for name, sha256 in digests(folder).items() if ".parquet" in name}
            for folder in folders
        )
        assert of_home == of_alone
    data = digests(published(refresh.home) / "data")
    assert data == digests(published(refresh.alone) / "data")
    assert len([name for name in data if name.endswith(".parquet")]) > 2


def test_the_changes_make_the_earlier_passages_the_new_ones(refresh: Refresh):
    folder = published(refresh.home)
    after = states((folder / "data").rglob("*.parquet"))
    assert len(after) == CHUNKS_AFTER
    assert apply_changes(refresh.before, folder / "changes" / f"{SECOND}.parquet") == after
    assert not (published(refresh.alone) / "changes").exists()


def test_the_certificate_names_the_articles_that_are_gone(refresh: Refresh):
    folder = refresh.home.recorded("raw_wikipedia").folder
    certificate = read_certificate(Volume(refresh.home.root / "volume"), folder)
    assert certificate is not None
    assert isinstance(certificate.earlier, EarlierSnapshot)
    assert (certificate.earlier.snapshot, certificate.earlier.gone) == (FIRST, len(GONE))
    assert set(certificate.earlier.titles) == GONE
