"""The job that materializes the assets of a wiki, and what starts it or prepares for it by itself.

The other parts of automation have modules of their own: the sensor that watches for new exports
(`new_exports.py`), the check of a snapshot's age (`snapshot_age.py`) and the job that removes old
outputs (`pruning_job.py`).
"""

from collections.abc import Iterator

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.defs.refresh_config import refresh_config
from wiki_embeddings.defs.snapshot_age import snapshot_is_recent
from wiki_embeddings.defs.wikis import missing_at_start, refreshed_wikis, wikis

JOB = "wikipedia_embeddings"

_TWENTIETH_OF_THE_MONTH_AT_THREE = "0 3 20 * *"
"""Exports are dated the 1st; those of the largest wikis are complete some two weeks later."""

_DAILY_AT_SIX = "0 6 * * *"

HOW_TO_MARK = "`wiki-embeddings add de --refresh` marks one, such as German"

refresh_job = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.assets(*ASSET_KEYS) - dg.AssetSelection.checks(snapshot_is_recent),
    description="Materializes all four assets of one wiki, from its articles to the dataset. What "
    "an earlier run finished is recognised and kept.",
)

age_job = dg.define_asset_job(
    "check_snapshot_ages",
    selection=dg.AssetSelection.checks(snapshot_is_recent),
    description="Checks how old the snapshot of each wiki is; computes and publishes nothing.",
)


@dg.schedule(
    job=refresh_job,
    cron_schedule=_TWENTIETH_OF_THE_MONTH_AT_THREE,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="On the 20th of each month at 03:00 UTC, when the exports of large wikis are "
    "complete too, refreshes every marked wiki from its newest export, with the config of its last "
    "run: all four assets, up to the published dataset. What has not changed is kept, not computed "
    f"again. {HOW_TO_MARK}. Either this or the sensor new_exports is enough.",
)
def monthly_refresh(
    context: dg.ScheduleEvaluationContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request a run for each marked wiki."""
    marked = refreshed_wikis(context.instance)
    if not marked:
        yield dg.SkipReason(f"No wiki is marked for refreshing: {HOW_TO_MARK}.")
    for wiki in marked:
        yield dg.RunRequest(
            run_key=f"{wiki}-{context.scheduled_execution_time:%Y-%m}",
            partition_key=wiki,
            run_config=refresh_config(context.instance, wiki),
        )


@dg.schedule(
    job=age_job,
    cron_schedule=_DAILY_AT_SIX,
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every day at 06:00 UTC, evaluates the check snapshot_is_recent of raw_wikipedia, "
    "which fails when the refresh of a marked wiki was missed.",
)
def daily_age_check() -> dg.RunRequest:
    """Request the run of the check."""
    return dg.RunRequest()


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Adds the wikis that WIKI_EMBEDDINGS_WIKIS names to this instance, and those that "
    "an earlier release of the project has materialized in it. It starts no run. "
    "`wiki-embeddings run`, `ui` and `add` do the same: it is for an instance that Dagster's own "
    "commands have opened.",
)
def first_wikis(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Add the wikis that the instance has to have."""
    missing = missing_at_start(context.instance, settings.load().wikis)
    if not missing:
        return dg.SkipReason("All of them are here.")
    return dg.SensorResult(dynamic_partitions_requests=[wikis.build_add_request(missing)])


jobs = [refresh_job, age_job]
schedules = [monthly_refresh, daily_age_check]
sensors = [first_wikis]
