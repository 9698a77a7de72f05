"""The one object that Dagster loads."""

from __future__ import annotations

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.defs.alerts import alert_sensors
from wiki_embeddings.defs.asset_checks import asset_checks
from wiki_embeddings.defs.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia
from wiki_embeddings.defs.automation import jobs, schedules, sensors
from wiki_embeddings.defs.external_assets import hub_articles, published_dataset
from wiki_embeddings.defs.killed_runs import killed_runs
from wiki_embeddings.defs.new_exports import new_exports
from wiki_embeddings.defs.pruning_job import prune_old_outputs
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.snapshot_age import snapshot_is_recent
from wiki_embeddings.defs.wikipedia_export import wikipedia_export

_settings = settings.load()

defs = dg.Definitions(
    assets=[
        *(wikipedia_export, hub_articles),
        *(raw_wikipedia, chunked_volume, embeddings, hub_dataset),
        published_dataset,
    ],
    asset_checks=[*asset_checks, snapshot_is_recent],
    jobs=[*jobs, prune_old_outputs],
    schedules=schedules,
    # The steps only wait for their maps: a process for each would load everything fourteen times.
    executor=dg.in_process_executor,
    sensors=[*sensors, new_exports, killed_runs, *alert_sensors(settings.alerts())],
    resources={
        "compute": ComputeResource(kind=_settings.compute),
        "hub": HubResource(namespace=_settings.hub_namespace),
    },
)
