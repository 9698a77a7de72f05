"""Blocking asset checks: what must hold of each asset before anything is made from it.

In a run over one wiki they check that wiki; started alone, from the asset's page, they check every
wiki that has been materialized.
"""

from functools import partial

import dagster as dg

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.defs.assets import (
    chunked_volume,
    embeddings,
    hub_dataset,
    raw_wikipedia,
    wikis,
)
from wiki_embeddings.defs.materializations import current_manifest, last_materialization
from wiki_embeddings.defs.metadata import translate_errors
from wiki_embeddings.defs.publishing import reads_back
from wiki_embeddings.defs.required_checks import REQUIRED_CHECKS, RequiredCheck
from wiki_embeddings.defs.resources import ComputeResource, HubResource


def _blocking_check(asset: dg.AssetsDefinition, judge: RequiredCheck) -> dg.AssetChecksDefinition:
    name = asset.key.to_user_string()

    @dg.asset_check(asset=asset, name=judge.__name__, description=judge.__doc__, blocking=True)
    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        return _checked(context, compute, name, judge)

    return check


@dg.asset_check(asset=hub_dataset, blocking=True)
def reads_back_from_the_hub(
    context: dg.AssetCheckExecutionContext, compute: ComputeResource, hub: HubResource
) -> dg.AssetCheckResult:
    """Readers of the Hub get all rows, and ten of them, chosen by chance, as they were written."""
    return _checked(context, compute, "hub_dataset", partial(reads_back, hub=hub))


def _checked(
    context: dg.AssetCheckExecutionContext,
    compute: ComputeResource,
    asset: str,
    judge: RequiredCheck,
) -> dg.AssetCheckResult:
    with translate_errors():
        machine = compute.open()
        return _result(
            {
                wiki: judge(current_manifest(context.instance, machine, asset, wiki), machine)
                for wiki in _wikis_to_check(context, asset)
            }
        )


def _wikis_to_check(context: dg.AssetCheckExecutionContext, asset: str) -> list[str]:
    if context.has_partition_key:
        return [context.partition_key]
    return [
        wiki
        for wiki in wikis.get_partition_keys()
        if last_materialization(context.instance, asset, wiki) is not None
    ]


def _result(results: dict[str, CheckResult]) -> dg.AssetCheckResult:
    metadata = {
        (number if len(results) == 1 else f"{wiki}: {number}"): value
        for wiki, result in results.items()
        for number, value in result.metadata.items()
    }
    return dg.AssetCheckResult(
        passed=all(result.passed for result in results.values()),
        description=" ".join(f"{wiki}: {result.description}" for wiki, result in results.items()),
        metadata=metadata,
    )


asset_checks = [
    *(
        _blocking_check(asset, judge)
        for asset in (raw_wikipedia, chunked_volume, embeddings, hub_dataset)
        for judge in REQUIRED_CHECKS[asset.key.to_user_string()]
    ),
    reads_back_from_the_hub,
]
