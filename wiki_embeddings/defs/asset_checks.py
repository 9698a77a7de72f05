"""Asset checks: what must hold of each asset before anything is made from it; all but one block.

In a run over one wiki they check that wiki. Started alone, from the asset's page, they check every
wiki that has been materialized.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import dagster as dg

from wiki_embeddings.asset_keys import HUB_DATASET
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.defs.asset_run import translate_errors
from wiki_embeddings.defs.materializations import current_manifest, last_materialization
from wiki_embeddings.defs.publishing import reads_back
from wiki_embeddings.defs.required_checks import REQUIRED_CHECKS, RequiredCheck
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.search_index import index_finds_nearest
from wiki_embeddings.defs.wikis import known_wikis
from wiki_embeddings.manifest import Manifest

Check: TypeAlias = Callable[[Manifest, Compute], CheckResult]


def _blocking_check(asset: str, required: RequiredCheck) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset, name=required.name, description=required.description, blocking=True
    )
    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        return _check_wikis(context, compute, asset, required.run)

    return check


@dg.asset_check(asset=HUB_DATASET, blocking=True)
def reads_back_from_the_hub(
    context: dg.AssetCheckExecutionContext, compute: ComputeResource, hub: HubResource
) -> dg.AssetCheckResult:
    """The Hub returns every row, and ten random rows are exactly what was written."""
    return _check_wikis(context, compute, HUB_DATASET, partial(reads_back, hub=hub))


@dg.asset_check(asset=HUB_DATASET, name=index_finds_nearest.__name__)
def _index_check(
    context: dg.AssetCheckExecutionContext, compute: ComputeResource
) -> dg.AssetCheckResult:
    """A search with the index finds 95 % of the ten nearest passages, and its lists are even."""
    result = _check_wikis(context, compute, HUB_DATASET, index_finds_nearest)
    # It tells of a search that is less good, not of data that is wrong.
    return result._replace(severity=dg.AssetCheckSeverity.WARN)


def _check_wikis(
    context: dg.AssetCheckExecutionContext, resource: ComputeResource, asset: str, check: Check
) -> dg.AssetCheckResult:
    with translate_errors(context):
        compute = resource.open()
        return _result(
            {
                wiki: check(current_manifest(context.instance, compute, asset, wiki), compute)
                for wiki in _wikis_to_check(context, asset)
            }
        )


def _wikis_to_check(context: dg.AssetCheckExecutionContext, asset: str) -> list[str]:
    if context.has_partition_key:
        return [context.partition_key]
    return [
        wiki
        for wiki in known_wikis(context.instance)
        if last_materialization(context.instance, asset, wiki) is not None
    ]


def _result(results: dict[str, CheckResult]) -> dg.AssetCheckResult:
    metadata = {
        (name if len(results) == 1 else f"{wiki}: {name}"): value
        for wiki, result in results.items()
        for name, value in result.metadata.items()
    }
    return dg.AssetCheckResult(
        passed=all(result.passed for result in results.values()),
        description=" ".join(f"{wiki}: {result.description}" for wiki, result in results.items()),
        metadata=metadata,
    )


asset_checks = [
    *(
        _blocking_check(asset, required)
        for asset, checks in REQUIRED_CHECKS.items()
        for required in checks
    ),
    reads_back_from_the_hub,
    _index_check,
]
