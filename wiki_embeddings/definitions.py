"""The one object that Dagster loads."""

from __future__ import annotations

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.asset_checks import asset_checks
from wiki_embeddings.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia
from wiki_embeddings.automation import refresh_job, schedules
from wiki_embeddings.progress import silent
from wiki_embeddings.resources import ComputeResource, HubResource

_settings = settings.load()

defs = dg.Definitions(
    assets=[raw_wikipedia, chunked_volume, embeddings, hub_dataset],
    asset_checks=asset_checks,
    jobs=[refresh_job],
    schedules=schedules,
    resources={
        "compute": ComputeResource(kind=_settings.compute, volume=str(_settings.volume)),
        "hub": HubResource(folder=str(_settings.hub), namespace=_settings.hub_namespace),
        "listener": silent,
    },
)
