"""The sensor `new_exports`: requests a run for each new complete export of a marked wiki.

It looks at Wikimedia's site at most once an hour for each wiki. All that it decides it decides
from Dagster's record, at a look: whether the wiki's dataset comes from the newest export already,
and which runs were requested for that export before. So its cursor holds only the times of the
looks, `{"de": 1793901600.0}`, in seconds since 1970; without it, or with a damaged one, it looks
again at once, and requests nothing twice.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from wiki_embeddings.asset_keys import HUB_DATASET
from wiki_embeddings.defs.automation import HOW_TO_MARK, refresh_job
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.defs.refresh_config import refresh_config
from wiki_embeddings.defs.wikipedia_export import last_seen, newest_export
from wiki_embeddings.defs.wikis import refreshed_wikis
from wiki_embeddings.errors import BusyError, WikiEmbeddingsError

REPEATS = 3
"""How often an export whose run failed is requested again."""

EXPORT_TAG = "wiki_embeddings/export"
"""Run tag with the wiki and the snapshot that a run was requested for."""

ATTEMPT_TAG = "wiki_embeddings/attempt"
"""Run tag with the number of that request, from 1."""

_PARTITION_TAG = "dagster/partition"

_LOOK_EVERY_S = 3600.0
_TICK_EVERY_S = 600

LOOK_WITHIN_S = 15.0
"""Longest time of one look. The daemon gives up a tick after 60 seconds, and the resolver of names
keeps no deadline."""

_TICK_WITHIN_S = 25.0
"""No look begins after so many seconds of a tick: the other wikis are looked for at the next."""

_IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass
class _Tick:
    """What a tick has found so far."""

    looks: dict[str, float]
    requests: list[dg.RunRequest] = field(default_factory=list)
    observations: list[dg.AssetObservation] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


@dg.sensor(
    job=refresh_job,
    minimum_interval_seconds=_TICK_EVERY_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Watches Wikimedia's exports of every wiki that is marked for refreshing, at most "
    "once an hour. A new complete export starts a run of all four assets from it, with the "
    "config of the wiki's last run; a run that failed is requested again, at most "
    f"{REPEATS} times. Nothing is requested while a run of that wiki is in progress. The reason of "
    f"a skipped tick says what was found for each wiki. {HOW_TO_MARK}. Either "
    "this or the schedule monthly_refresh is enough.",
)
def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Look for new exports, and request their runs."""
    from wiki_embeddings.defs.instance import close_abandoned_runs  # loads SQLAlchemy

    started = time.monotonic()
    close_abandoned_runs(context.instance)  # a killed one would be in progress for ever
    marked = refreshed_wikis(context.instance)
    last_looks = _read_cursor(context.cursor)
    tick = _Tick({wiki: last_looks[wiki] for wiki in marked if wiki in last_looks})
    for wiki in sorted(marked, key=lambda wiki: tick.looks.get(wiki, 0.0)):
        if time.monotonic() - started > _TICK_WITHIN_S:
            tick.sentences.append(f"{wiki}: the site is slow, so it waits for the next tick.")
            continue
        _look(context.instance, wiki, tick)
    for sentence in tick.sentences:
        context.log.info(sentence)
    nothing = f"No wiki is marked for refreshing: {HOW_TO_MARK}."
    return dg.SensorResult(
        run_requests=tick.requests,
        skip_reason=None if tick.requests else " ".join(tick.sentences) or nothing,
        asset_events=tick.observations,
        cursor=json.dumps(tick.looks),
    )


def _look(instance: dg.DagsterInstance, wiki: str, tick: _Tick) -> None:
    """Look for a new export of one wiki, unless it is too early or one is under way."""
    now = time.time()
    due = tick.looks.get(wiki, 0.0) + _LOOK_EVERY_S
    if now < due:
        tick.sentences.append(f"{wiki}: the next look is at {_hour(due)}.")
        return
    if _runs(instance, {_PARTITION_TAG: wiki}, _IN_PROGRESS):
        tick.sentences.append(f"{wiki}: a run is in progress.")
        return
    try:
        found = newest_export(wiki, LOOK_WITHIN_S)
    except BusyError as error:  # no look, as the site was not asked
        tick.sentences.append(f"{wiki}: {error} Looks again at the next tick.")
        return
    except WikiEmbeddingsError as error:
        tick.looks[wiki] = now
        tick.sentences.append(f"{wiki}: {error} Looks again at {_hour(now + _LOOK_EVERY_S)}.")
        return
    tick.looks[wiki] = now
    if last_seen(instance, wiki) != found.data_version:
        tick.observations.append(found.observation(wiki))
    decision = _decide(instance, wiki, found.snapshot)
    if isinstance(decision, dg.RunRequest):
        tick.requests.append(decision)
    else:
        tick.sentences.append(f"{wiki}: {decision}")


def _decide(instance: dg.DagsterInstance, wiki: str, snapshot: str) -> dg.RunRequest | str:
    """Return the run that an export needs, or why it needs none."""
    if _is_published(instance, wiki, snapshot):
        return f"the dataset is made from the newest export, {snapshot}, already."
    export = f"{wiki}-{snapshot}"
    earlier = _runs(instance, {EXPORT_TAG: export})
    if earlier and earlier[0].status is dg.DagsterRunStatus.CANCELED:
        return (
            f"the run of the newest export, {snapshot}, was cancelled, so it is not requested "
            "again: re-execute it when you want it."
        )
    attempt = 1 + max((_attempt(run) for run in earlier), default=0)
    if attempt > 1 + REPEATS:
        return (
            f"{attempt - 1} runs of the newest export, {snapshot}, have failed, so it is not "
            "requested again: look at the last one, fix the cause and re-execute it."
        )
    return dg.RunRequest(
        run_key=f"{export}-{attempt}",
        partition_key=wiki,
        run_config=refresh_config(instance, wiki, snapshot),
        tags={EXPORT_TAG: export, ATTEMPT_TAG: str(attempt)},
    )


def _is_published(instance: dg.DagsterInstance, wiki: str, snapshot: str) -> bool:
    """True if the last dataset is of all articles of this snapshot, or of a newer one."""
    last = last_materialization(instance, HUB_DATASET, wiki)
    if last is None or last.raw_settings.get("fraction") != 1.0:
        return False
    run = instance.get_run_by_id(last.run_id)
    # A blocking check may fail after the materialization. A run that was deleted cannot be asked.
    failed = run is not None and run.status is not dg.DagsterRunStatus.SUCCESS
    return not failed and str(last.raw_settings.get("snapshot", "")) >= snapshot


def _runs(
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    statuses: Iterable[dg.DagsterRunStatus] = (),
) -> list[dg.DagsterRun]:
    """List the runs with some tags, the newest first."""
    wanted = dg.RunsFilter(tags=dict(tags), statuses=list(statuses))
    return list(instance.get_runs(wanted))


def _attempt(run: dg.DagsterRun) -> int:
    number = run.tags.get(ATTEMPT_TAG, "")
    return int(number) if number.isascii() and number.isdigit() else 0


def _read_cursor(cursor: str | None) -> dict[str, float]:
    """Read the times of the last looks; a damaged cursor has none."""
    try:
        looks = json.loads(cursor or "{}")
    except ValueError:
        return {}
    if not isinstance(looks, dict):
        return {}
    return {wiki: float(at) for wiki, at in looks.items() if isinstance(at, int | float)}


def _hour(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"
