"""Pools: what two runs must not use at once, however and wherever they were started.

A pool is Dagster's (`concurrency.pools` in `dagster.yaml`; Deployment → Concurrency in the UI), and
so are its slots, in the instance's database. What Dagster does with the argument `pool` of an asset
is not enough here: a run that executes its steps in its own process, as all of ours do, waits for
its slot without ever sleeping (1.13), nobody is told what it waits for, and the slot of a killed
run stays taken until a daemon frees it. So an asset claims its slot itself, and while it waits, it
looks whether the runs that are in front of it still live.
"""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.volume import translate_storage_errors

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute

GPU_FLEET = "gpu_fleet"
"""The containers on Modal that compute vectors."""

CORES = "cores"
"""The processor cores of this machine, all of which every asset uses."""

_LOOK_EVERY_S = 2.0
_SAY_EVERY_S = 60.0

_log = logging.getLogger(__name__)
"""For the terminal; the run's own log is in the record."""


def pool_of(asset: str, compute: Compute) -> str | None:
    """Name the pool that an asset takes a slot of; None if it shares nothing with other runs."""
    if compute.folder is not None:
        return CORES
    return GPU_FLEET if asset == EMBEDDINGS else None


@contextmanager
def slot(context: dg.AssetExecutionContext, pool: str | None) -> Iterator[None]:
    """Hold a slot of a pool; waits until there is one.

    Args:
        context: The context of the asset that needs it.
        pool: The pool; without one, or without a limit for it in `dagster.yaml`, nothing is held.
    """
    if pool is None or not _is_limited(context.instance, pool):
        yield
        return
    storage = context.instance.event_log_storage
    step = context.asset_key.to_user_string()
    said_at = -_SAY_EVERY_S
    try:
        while not _claim(context.instance, pool, context.run_id, step):
            free_slots_of_ended_runs(context.instance)
            if time.monotonic() - said_at >= _SAY_EVERY_S:
                said_at = time.monotonic()
                sentence = (
                    f"Waits for a slot of the pool {pool}: {_holders(context.instance, pool)}"
                )
                _log.info(sentence)
                context.log.info(sentence)
            time.sleep(_LOOK_EVERY_S)
        yield
    finally:
        storage.free_concurrency_slot_for_step(context.run_id, step)


def free_slots_of_ended_runs(instance: dg.DagsterInstance) -> None:
    """Free the slots, and places in the queue, of runs that have ended without doing so."""
    from wiki_embeddings.defs.instance import close_abandoned_runs  # loads SQLAlchemy
    from wiki_embeddings.defs.run_locks import is_executed

    close_abandoned_runs(instance)
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    for pool in storage.get_concurrency_keys():
        known = storage.get_concurrency_info(pool)
        for run_id in known.active_run_ids | known.pending_run_ids | known.assigned_run_ids:
            run = instance.get_run_by_id(run_id)
            # A run that was marked as ended may still be cancelling its map.
            if (run is None or run.is_finished) and not is_executed(instance, run_id):
                storage.free_concurrency_slots_for_run(run_id)


def _is_limited(instance: dg.DagsterInstance, pool: str) -> bool:
    """True if a pool has a limit, from the UI or by default; the default's slots are made here."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:  # a record in memory
        return False
    limit = next((limit for limit in storage.get_pool_limits() if limit.name == pool), None)
    default = instance.global_op_concurrency_default_limit
    if limit is not None and (not limit.from_default or limit.limit == default):
        return True
    storage.initialize_concurrency_limit_to_default(pool)
    return default is not None


def _claim(instance: dg.DagsterInstance, pool: str, run_id: str, step: str) -> bool:
    """Claim a slot; one process at a time, because SQLite locks no rows."""
    home = Path(instance.root_directory)
    with translate_storage_errors(home):
        file = (home / "pools.lock").open("a")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        claim = instance.event_log_storage.claim_concurrency_slot(pool, run_id, step)
    return claim.is_claimed


def _holders(instance: dg.DagsterInstance, pool: str) -> str:
    """Say in a sentence which runs hold the slots of a pool."""
    slots = instance.event_log_storage.get_concurrency_info(pool).claimed_slots
    holders = [f"{slot.step_key} of run {slot.run_id[:8]}" for slot in slots]
    return f"taken by {', '.join(holders)}." if holders else "other runs were first."
