from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from wiki_embeddings.compute.protocol import Usage
from wiki_embeddings.defs.spending import (
    DOLLARS_TAG,
    SpendingLimitError,
    spending_limit,
    spent_by,
)
from wiki_embeddings.progress import StageProgress


@dg.asset
def anything() -> None:
    """An asset, so that there is a run."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def run_id(instance: dg.DagsterInstance) -> str:
    return dg.materialize([anything], instance=instance).run_id


def progress(
    dollars: float | None, folder: str = "en/raw/1", shards_done: int = 1
) -> StageProgress:
    usage = Usage(
        containers=2, most_containers=2, gpu="A10", container_s=10.0, dollars=dollars, url=""
    )
    stage = folder.split("/")[1]
    return StageProgress(stage, folder, "bytes", 1, 0, 4, shards_done, 4, 10.0, usage=usage)


def test_a_run_ends_when_its_maps_together_have_cost_the_limit(instance, run_id):
    listen = spending_limit(instance, run_id, 0.50)
    listen(progress(0.30, shards_done=4))
    listen(progress(0.0, "en/chunks/2"))
    listen(progress(0.19, "en/chunks/2"))
    with pytest.raises(
        SpendingLimitError, match=r"may cost \$0\.50 .* has cost \$0\.51: chunks is"
    ):
        listen(progress(0.21, "en/chunks/2"))
    assert instance.get_run_by_id(run_id).tags[DOLLARS_TAG] == "0.5100"


def test_another_attempt_of_the_run_goes_on_counting(instance, run_id):
    spending_limit(instance, run_id, None)(progress(0.40))
    listen = spending_limit(instance, run_id, 0.50)
    listen(progress(0.05))
    with pytest.raises(SpendingLimitError, match=r"1 of 4 shards are finished and kept"):
        listen(progress(0.11))


def test_what_is_finished_is_not_stopped(instance, run_id):
    spending_limit(instance, run_id, 0.50)(progress(0.60, shards_done=4))
    assert spent_by(instance, run_id) == pytest.approx(0.60)


@pytest.mark.parametrize("usage_dollars", [None, 0.0])
def test_a_run_that_costs_nothing_has_no_tag(instance, run_id, usage_dollars):
    spending_limit(instance, run_id, 0.50)(progress(usage_dollars))
    assert DOLLARS_TAG not in instance.get_run_by_id(run_id).tags
