"""Which failures of a step Dagster tries again, and what bounds all attempts of a run together."""

from collections.abc import Iterator

import dagster as dg
import pytest

from wiki_embeddings.compute.protocol import Failed, Usage
from wiki_embeddings.defs import asset_run
from wiki_embeddings.defs.asset_run import translate_errors
from wiki_embeddings.defs.instance import PROCESS_TAG
from wiki_embeddings.defs.materialize import ShardsFailedError
from wiki_embeddings.defs.spending import spending_limit
from wiki_embeddings.errors import BadInputError, OutageError, WikiEmbeddingsError
from wiki_embeddings.progress import StageProgress
from wiki_embeddings_tests.support.dagster_runs import failures

OUTAGE = OutageError("The store is down.")


@pytest.fixture
def instance(monkeypatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr(asset_run, "RETRY_WAITS_S", (0.0, 0.0, 0.0))
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def attempts_of(
    instance: dg.DagsterInstance, *errors: Exception, tags: dict[str, str] | None = None
) -> tuple[dg.ExecuteInProcessResult, int]:
    """Run an asset whose attempts fail with these errors, one after the other, then succeed."""
    made = 0

    @dg.asset
    def store(context: dg.AssetExecutionContext) -> None:
        nonlocal made
        made += 1
        with translate_errors(context):
            if made <= len(errors):
                raise errors[made - 1]

    result = dg.materialize([store], instance=instance, tags=tags, raise_on_error=False)
    return result, made


def test_what_may_pass_is_tried_again_and_the_log_says_so(instance):
    result, made = attempts_of(instance, OUTAGE, OUTAGE)
    assert result.success
    assert made == 3
    log = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("The store is down.\nThis may pass: attempt 3 of 4 begins in 0 s." in m for m in log)


def test_after_the_last_attempt_the_step_fails_with_the_cause(instance):
    result, made = attempts_of(instance, *[OUTAGE] * 9)
    assert made == 4
    assert failures(result) == {"store": "The store is down."}


@pytest.mark.parametrize(
    "error", [BadInputError("No such model."), WikiEmbeddingsError("Full."), ZeroDivisionError()]
)
def test_what_cannot_pass_is_not_tried_again(instance, error):
    result, made = attempts_of(instance, error)
    assert (result.success, made) == (False, 1)


def test_a_run_in_a_terminal_fails_at_once(instance):
    result, made = attempts_of(instance, OUTAGE, tags={PROCESS_TAG: "1"})
    assert (result.success, made) == (False, 1)


def test_failed_shards_may_pass_if_the_cause_of_each_may():
    passing, lasting = Failed(0, "The store is down.", may_pass=True), Failed(1, "a bug")
    assert ShardsFailedError("", [passing]).may_pass
    assert not ShardsFailedError("", [passing, lasting]).may_pass


def test_all_attempts_together_may_cost_the_limit(instance):
    attempts = []

    @dg.asset
    def map_on_modal(context: dg.AssetExecutionContext) -> None:
        attempts.append(context.op_execution_context.retry_number)
        with translate_errors(context):
            listen = spending_limit(context.instance, context.run.run_id, 0.50)
            usage = Usage(2, 2, "A10", container_s=10.0, dollars=0.30, url="")
            listen(StageProgress("embeddings", "en/1", "chunks", 1, 0, 4, 1, 4, 10.0, usage=usage))
            raise OUTAGE

    result = dg.materialize([map_on_modal], instance=instance, raise_on_error=False)
    assert attempts == [0, 1]
    assert "may cost $0.50 (max_dollars), and has cost $0.60" in failures(result)["map_on_modal"]
