"""What every asset does around its stage: errors, compute, upstream, progress in the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.compute.modal.prices import GPU_SECOND, gpu_dollars_per_s
from wiki_embeddings.defs.code_location import note_code_location
from wiki_embeddings.defs.listening import current_listener
from wiki_embeddings.defs.materializations import current_manifest
from wiki_embeddings.defs.metadata import cost_metadata
from wiki_embeddings.defs.pools import pool_of, slot
from wiki_embeddings.defs.preflight import config_of, options_asked, require_workable_config
from wiki_embeddings.defs.publishing import require_publishable
from wiki_embeddings.defs.required_checks import require_checks_pass
from wiki_embeddings.defs.spending import spending_limit
from wiki_embeddings.defs.wikis import add_wiki
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.host import duration
from wiki_embeddings.progress import Listener, StageProgress, throttled

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute, ContainerOptions
    from wiki_embeddings.defs.resources import ComputeResource, HubResource
    from wiki_embeddings.manifest import Manifest

_LOG_EVERY_S = 10.0
"""Often enough to see that it moves, rarely enough to keep a long run's log readable."""

RETRY_WAITS_S = (30.0, 120.0, 480.0)
"""Waits before the second attempt of a step and those after it: an outage that outlasts them needs
somebody's attention. What asks a network has tried several times within seconds before."""

_OBSERVE_EVERY_S = 60.0
"""Observations stay in the asset's history, so there are fewer of them than log lines."""


@contextmanager
def translate_errors(
    context: dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
) -> Iterator[None]:
    """Fail the step with the message of one of our errors, or try it again if that may help.

    A run in a terminal fails at once: somebody is there, who would wait for minutes without a word.

    Args:
        context: The context of the step.

    Raises:
        dagster.Failure: A `WikiEmbeddingsError` was raised.
        dagster.RetryRequested: The same, but it may pass, and there are attempts left.
    """
    try:
        yield
    except WikiEmbeddingsError as error:
        from wiki_embeddings.defs.instance import is_of_command_line  # loads SQLAlchemy

        op = context if isinstance(context, dg.OpExecutionContext) else context.op_execution_context
        failed_before = op.retry_number
        at_prompt = is_of_command_line(context.run)
        if not error.may_pass or at_prompt or failed_before >= len(RETRY_WAITS_S):
            raise dg.Failure(description=str(error), allow_retries=False) from error
        wait_s = RETRY_WAITS_S[failed_before]
        context.log.warning(
            f"{error}\nThis may pass: attempt {failed_before + 2} of {len(RETRY_WAITS_S) + 1} "
            f"begins in {duration(wait_s)}. What is finished is kept."
        )
        raise dg.RetryRequested(len(RETRY_WAITS_S), seconds_to_wait=wait_s) from error


@contextmanager
def opened_compute(
    context: dg.AssetExecutionContext,
    resource: ComputeResource,
    options: ContainerOptions,
    hub: HubResource,
) -> Iterator[Compute]:
    """Open the compute that an asset runs on; errors of the body fail the step with their message.

    The first asset of a run also checks the config of all, and that the Hub will let it publish.
    Then it waits until no other run uses what it is going to use; see `pools`.

    Args:
        context: The asset's context.
        resource: The compute.
        options: The containers that the asset may use on Modal.
        hub: Where the run publishes.
    """
    note_code_location(context.instance, context.run)
    add_wiki(context.instance, context.partition_key)  # one of those to begin with may be missing
    with translate_errors(context):
        compute = resource.open(options, options_asked(context, on_modal=resource.kind == "modal"))
        context.log.info(
            f"{context.asset_key.to_user_string()} of {context.partition_key} on {compute.name}"
        )
        _require_known_price(context, compute, options)
        require_workable_config(context, compute)
        require_publishable(context, compute, hub)
        with slot(context, pool_of(context.asset_key.to_user_string(), compute)):
            yield compute


def _require_known_price(
    context: dg.AssetExecutionContext, compute: Compute, options: ContainerOptions
) -> None:
    """Warn of a GPU type that may be misspelled; Modal decides whether it exists.

    Raises:
        BadInputError: The run has a limit in dollars, which could not be kept.
    """
    if compute.folder is not None or gpu_dollars_per_s(options.gpu) is not None:
        return
    asset = context.asset_key.to_user_string()
    max_dollars = config_of(context, asset).get("max_dollars")
    if max_dollars:
        raise BadInputError(
            f"max_dollars is {max_dollars:g}, but the price of the GPU {options.gpu!r} is not "
            "known here, so the limit could not be kept. Choose one of "
            f"{', '.join(GPU_SECOND)}, or leave max_dollars at 0 and set a budget for your "
            "workspace on Modal."
        )
    context.log.warning(
        f"The GPU {options.gpu!r} is not in this project's table of prices: Modal is asked for "
        f"it, and its cost is not counted. The table has {', '.join(GPU_SECOND)}."
    )


def checked_upstream(context: dg.AssetExecutionContext, compute: Compute, asset: str) -> Manifest:
    """Read the manifest of an upstream asset's last materialization, and run its required checks.

    Raises:
        BadInputError: The asset was never materialized, its output is gone, or a check failed.
    """
    manifest = current_manifest(context.instance, compute, asset, context.partition_key)
    require_checks_pass(asset, manifest, compute)
    return manifest


def logging_progress(context: dg.AssetExecutionContext) -> Listener:
    """Return a listener that takes progress to the run's log and to the asset's history.

    It passes it on to who listens in this process, and stops the asset's map when the run has cost
    what it may cost.
    """
    announced: set[str] = set()
    log = throttled(
        lambda progress: context.log.info(progress.line()), _LOG_EVERY_S, from_start=False
    )
    observe = throttled(
        lambda progress: context.log_event(_observation(context, progress)),
        _OBSERVE_EVERY_S,
        from_start=False,
    )

    config = config_of(context, context.asset_key.to_user_string())
    max_dollars = config.get("max_dollars") or None
    limit = spending_limit(context.instance, context.run.run_id, max_dollars)
    listener = current_listener()

    def listen(progress: StageProgress) -> None:
        if progress.stage not in announced:
            announced.add(progress.stage)
            context.log.info(f"{progress.shards_total:,} shards in {progress.folder}")
        log(progress)
        observe(progress)
        listener(progress)
        limit(progress)

    return listen


def _observation(context: dg.AssetExecutionContext, progress: StageProgress) -> dg.AssetObservation:
    """Build the event that shows an asset's progress in its history."""
    metadata: dict[str, Any] = {
        f"{progress.unit}_done": progress.done,
        f"{progress.unit}_total": progress.total,
        "shards_done": progress.shards_done,
        "shards_total": progress.shards_total,
        **{f"{name}_per_second": round(rate, 1) for name, rate in progress.throughput.items()},
    }
    if progress.eta_s is not None:
        metadata["eta_seconds"] = round(progress.eta_s)
    if progress.usage is not None:
        metadata |= {"containers": progress.usage.containers, **cost_metadata(progress.usage)}
    return dg.AssetObservation(
        context.asset_key, metadata=metadata, partition=context.partition_key
    )
