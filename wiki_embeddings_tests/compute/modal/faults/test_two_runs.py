"""Two runs of one output at once: the later one takes over, and what is made is right."""

from __future__ import annotations

import pytest

from wiki_embeddings.compute.protocol import Finished
from wiki_embeddings.progress import StageProgress
from wiki_embeddings_tests.compute.modal.faults.commit_gate import commits_held
from wiki_embeddings_tests.compute.modal.faults.dagster_process import (
    TWO_CONTAINERS,
    dagster_process,
    wait_until_held,
)
from wiki_embeddings_tests.compute.modal.faults.map_events import (
    failed,
    finished,
    until_finished,
)
from wiki_embeddings_tests.support.dagster_runs import failed_checks, failures, metadata
from wiki_embeddings_tests.support.generated_wiki import WIKI

TAKEN_OVER = "Another run has begun to make the same output since"


def test_the_second_of_two_maps_of_one_output_takes_over(cloud, plane):
    plan = cloud.embedding("twice")
    with commits_held(cloud, plan, after=4) as gate:
        first = cloud.compute(containers=2).map(plan)
        events = until_finished(first, 4)
        plane.wait_until(lambda: len(gate.held) == 2)
        second = cloud.compute(containers=1).map(plan)
        kept = until_finished(second, 4)
        gate.opened.set()
    events += list(first)
    (failure,) = failed(events).values()
    assert "Another run has begun to make the same output since" in failure.cause
    assert failure.fatal
    assert finished([*kept, *second]) == set(range(len(plan.specs)))
    assert sum(event.report.reused for event in kept if isinstance(event, Finished)) == 4
    assert cloud.committed(plan) == cloud.expected
    commits = cloud.commits(plan)
    assert {commits.count(name) for name in gate.passed} == {1}


def test_a_run_that_had_looked_before_the_other_began_takes_over_as_well(cloud, plane):
    plan = cloud.embedding("looked-before")
    cloud.make_shards(cloud.embedding("looked-before", shards=1), containers=1)
    second = cloud.compute(containers=1).map(plan)
    kept = until_finished(second, 1)  # it has asked which shards are finished, and started no call
    with commits_held(cloud, plan, after=2) as gate:
        first = cloud.compute(containers=2).map(plan)
        events = until_finished(first, 3)
        plane.wait_until(lambda: len(gate.held) == 2)
        (call,) = plane.stats.calls_in_progress()
        kept.append(next(second))  # its call has begun
        assert call not in plane.stats.calls_in_progress()
        gate.opened.set()
    (failure,) = failed([*events, *first]).values()
    assert TAKEN_OVER in failure.cause
    assert finished([*kept, *second]) == set(range(len(plan.specs)))
    assert cloud.committed(plan) == cloud.expected
    assert not plane.stats.calls_in_progress()


@pytest.mark.usefixtures("cold")
def test_of_two_runs_the_later_one_publishes_what_a_single_run_would_have(cloud, plane):
    plan = cloud.plan
    cloud.cloud.remove_output(plan.folder)
    both = ("embeddings", "hub_dataset")
    with commits_held(cloud, plan, after=4) as gate, dagster_process(cloud, *both) as first:
        wait_until_held(cloud, gate, first)
        (overtaken,) = plane.stats.calls_in_progress()
        at_work = cloud.busy_embedders()

        def open_gate(snapshot: StageProgress) -> None:
            if snapshot.stage == "embeddings" and snapshot.shards_done:  # it has taken over
                plane.wait_until(lambda: all(container.ended for container in at_work))
                gate.opened.set()

        config = {"embeddings": TWO_CONTAINERS}
        second = cloud.cloud.materialize(*both, config=config, listener=open_gate)
        output = first.communicate(timeout=120)[0]

    assert first.returncode != 0
    assert TAKEN_OVER in output, "the earlier run says why it has failed"
    assert second.success, failures(second)
    assert failed_checks(second) == ["recall_at_10"], "weights are random; it only warns"
    kept = sum(spec.units for spec in plan.specs if spec.name in gate.passed)
    assert metadata(second, "embeddings")["chunks_kept"] == kept

    assert overtaken not in plane.stats.calls_in_progress()
    commits = cloud.commits(plan)
    assert {commits.count(name) for name in cloud.expected} == {1}, "each shard was made once"
    assert cloud.committed(plan) == cloud.expected
    (published,) = cloud.cloud.instance.fetch_materializations(
        second.asset_materializations_for_node("hub_dataset")[0].asset_key, limit=9
    ).records
    assert published.run_id == second.run_id, "the earlier run published nothing"

    uneven = {"raw_wikipedia": {"articles_per_shard": 5}}
    faultless = hub_files(cloud.cloud.locally(config=uneven))
    assert hub_files(cloud.cloud.committed()) == faultless != {}


def hub_files(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith(f"{WIKI}/hub/")}
