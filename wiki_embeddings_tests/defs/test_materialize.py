from __future__ import annotations

import pytest

from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import ShardsFailedError, materialize
from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.progress import StageProgress, silent
from wiki_embeddings_tests.support.toy import toy_plan


@pytest.fixture
def compute(volume):
    return LocalCompute(volume.root, cores=2)


def test_the_manifest_lists_every_shard_by_ascending_id(compute, volume):
    plan = toy_plan(5)
    outcome = materialize(plan, compute, silent, "toy")
    assert outcome.manifest == read_manifest(volume, plan.folder)
    assert [file.name for file in outcome.manifest.files] == [spec.name for spec in plan.specs]
    assert [file.min_id for file in outcome.manifest.files] == [0, 3, 6, 9, 12]
    assert outcome.manifest.total("articles") == 15


def test_a_failed_shard_is_named_with_its_cause_and_no_manifest_is_written(compute, volume):
    plan = toy_plan(4, {1: "refuse"})
    with pytest.raises(ShardsFailedError) as raised:
        materialize(plan, compute, silent, "toy_asset")
    told = str(raised.value)
    assert "1 of 4 shards of toy_asset (toy) failed; finished and kept: 3." in told
    assert "part-00001.parquet: This one is poison" in told
    assert "`wiki-embeddings run --wiki toy --fraction 0.5 --shard-mib 0.25" in told
    assert read_manifest(volume, plan.folder) is None


def test_after_a_failure_only_the_rest_is_made_and_the_result_is_the_same(compute, volume):
    with pytest.raises(ShardsFailedError):
        materialize(toy_plan(4, {1: "refuse"}), compute, silent, "toy")
    mended = materialize(toy_plan(4), compute, silent, "toy")
    assert (mended.progress.done, mended.progress.reused) == (12, 9)
    elsewhere = LocalCompute(volume.root / "fresh", cores=1)
    assert (
        mended.manifest.digest == materialize(toy_plan(4), elsewhere, silent, "toy").manifest.digest
    )


def test_a_rerun_makes_a_truncated_shard_again_and_ends_with_the_same_digest(compute, volume):
    first = materialize(toy_plan(3), compute, silent, "toy")
    broken = volume.path(first.manifest.reference(first.manifest.files[1]))
    broken.write_bytes(broken.read_bytes()[:-10])
    again = materialize(toy_plan(3), compute, silent, "toy")
    assert again.manifest.digest == first.manifest.digest
    assert again.progress.reused == 6
    assert broken.stat().st_size == first.manifest.files[1].bytes


def test_listeners_hear_of_the_begin_and_the_end(compute):
    heard: list[StageProgress] = []
    materialize(toy_plan(3), compute, heard.append, "toy")
    assert (heard[0].done, heard[0].shards_done, heard[0].total) == (0, 0, 9)
    assert (heard[-1].done, heard[-1].shards_done, heard[-1].shards_total) == (9, 3, 3)
    assert [s.done for s in heard] == sorted(s.done for s in heard)
