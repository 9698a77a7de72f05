"""Jobs and schedules: how the assets are materialized together, and when."""

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.defs.assets import wikis

JOB = "wikipedia_embeddings"

_SECOND_OF_THE_MONTH_AT_THREE = "0 3 2 * *"
"""Wikimedia dates its dumps to the first of the month."""

refresh_job = dg.define_asset_job(
    JOB,
    selection=list(ASSET_KEYS),
    description="Materializes all four assets of one wiki, from its articles to the dataset. What "
    "an earlier run finished is recognised and kept.",
)


def monthly_refresh(wiki: str) -> dg.ScheduleDefinition:
    """Define a schedule that refreshes one wiki every month; it is off until it is switched on."""

    @dg.schedule(
        name=f"monthly_refresh_{wiki.replace('-', '_')}",
        job=refresh_job,
        cron_schedule=_SECOND_OF_THE_MONTH_AT_THREE,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="On the 2nd of each month at 03:00 UTC, materializes raw_wikipedia, "
        f"chunked_volume, embeddings and hub_dataset of {wiki!r} with their default config, from "
        "the edition that is pinned there. What has not changed since the last time is verified "
        "and kept, not computed again.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=f"{wiki}-{context.scheduled_execution_time:%Y-%m}", partition_key=wiki
        )

    return schedule


schedules = [monthly_refresh(wiki) for wiki in wikis.get_partition_keys()]
