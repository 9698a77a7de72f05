from __future__ import annotations

from dataclasses import replace

import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Finished
from wiki_embeddings.defs.materialize import ShardsFailedError, retry_command
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.manifest import Settings, read_manifest
from wiki_embeddings.progress import StageProgress
from wiki_embeddings_tests.support.dagster_runs import make_shards
from wiki_embeddings_tests.support.toy import toy_plan


@pytest.fixture
def compute(volume):
    return LocalCompute(volume.root, cores=2)


def test_the_manifest_lists_every_shard_by_ascending_id(compute, volume):
    plan = toy_plan(5)
    materialized = make_shards(plan, compute)
    assert materialized.manifest == read_manifest(volume, plan.folder)
    assert [file.name for file in materialized.manifest.files] == [spec.name for spec in plan.specs]
    assert [file.min_id for file in materialized.manifest.files] == [0, 3, 6, 9, 12]
    assert materialized.manifest.total("articles") == 15


def test_a_failed_shard_is_named_with_its_cause_and_no_manifest_is_written(compute, volume):
    plan = toy_plan(4, {1: "refuse"})
    with pytest.raises(ShardsFailedError) as raised:
        make_shards(plan, compute, "toy_asset")
    message = str(raised.value)
    assert "1 of 4 shards of toy_asset (toy) failed; finished and kept: 3." in message
    assert "part-00001.parquet: This one is poison" in message
    assert "`wiki-embeddings run --wiki toy --fraction 0.5 --articles-per-shard 10" in message
    assert read_manifest(volume, plan.folder) is None


def test_after_a_failure_only_the_rest_is_made_with_the_same_result(compute, volume):
    with pytest.raises(ShardsFailedError):
        make_shards(toy_plan(4, {1: "refuse"}), compute)
    repaired = make_shards(toy_plan(4), compute)
    assert (repaired.progress.done, repaired.progress.reused) == (12, 9)
    elsewhere = LocalCompute(volume.root / "fresh", cores=1)
    assert repaired.manifest.digest == make_shards(toy_plan(4), elsewhere).manifest.digest


def test_a_rerun_makes_a_truncated_shard_again_and_ends_with_the_same_digest(compute, volume):
    first = make_shards(toy_plan(3), compute)
    broken = volume.path(first.manifest.reference(first.manifest.files[1]))
    broken.write_bytes(broken.read_bytes()[:-10])
    again = make_shards(toy_plan(3), compute)
    assert again.manifest.digest == first.manifest.digest
    assert again.progress.reused == 6
    assert broken.stat().st_size == first.manifest.files[1].bytes


def test_a_listener_receives_progress_from_the_start_to_the_end(compute):
    snapshots: list[StageProgress] = []
    make_shards(toy_plan(3), compute, listener=snapshots.append)
    assert (snapshots[0].done, snapshots[0].shards_done, snapshots[0].total) == (0, 0, 9)
    assert (snapshots[-1].done, snapshots[-1].shards_done, snapshots[-1].shards_total) == (9, 3, 3)
    assert [snapshot.done for snapshot in snapshots] == sorted(
        snapshot.done for snapshot in snapshots
    )


class ForgetfulCompute(LocalCompute):
    """Makes all shards, but sends no event for one of them."""

    def map(self, plan):
        for event in super().map(plan):
            if not (isinstance(event, Finished) and event.shard == 1):
                yield event


def test_a_shard_without_any_event_fails_the_map(volume):
    plan = toy_plan(3)
    with pytest.raises(WikiEmbeddingsError, match=r"1 of 3 shards .* part-00001\.parquet among"):
        make_shards(plan, ForgetfulCompute(volume.root, cores=2))
    assert read_manifest(volume, plan.folder) is None


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        (
            {"source": "mediawiki_content_current", "revision": "ab"},
            "--source dump --snapshot 20261101",
        ),
        (
            {"source": "ada/wikis", "revision": "0c"},
            "--source hub --snapshot 20261101 --hub-dataset ada/wikis --hub-revision 0c",
        ),
    ],
)
def test_the_command_to_retry_names_the_same_source_date_and_revision(raw, options):
    plan = toy_plan(1)
    settings: Settings = {"raw": {**plan.settings["raw"], **raw}}
    words = retry_command(replace(plan, wiki="de", settings=settings))
    assert options in " ".join(words)


@pytest.mark.parametrize(("wiki", "insists"), [("de", True), ("en", False)])
def test_the_command_to_retry_insists_on_a_model_that_was_insisted_on(wiki, insists):
    plan = toy_plan(1)
    chunks = {"model": "thenlper/gte-small", "token_budget": 128, "title_prefix": True}
    settings = {**plan.settings, "chunks": chunks}
    words = retry_command(replace(plan, wiki=wiki, settings=settings))
    assert ("--allow-english-model" in words) == insists
