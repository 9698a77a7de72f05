"""Blocking asset checks: what must hold of each asset before anything is made from it.

Each is partitioned by wiki, as the assets are: what it finds of one wiki does not replace what it
found of another. A check without a wiki to check fails as a warning, which blocks nothing.
"""

import warnings
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
from wiki_embeddings.defs.wikis import known_wikis, wikis
from wiki_embeddings.manifest import Manifest

Check: TypeAlias = Callable[[Manifest, Compute], CheckResult]


def _partitioned(
    check: Callable[..., dg.AssetCheckResult], asset: str, name: str, description: str
) -> dg.AssetChecksDefinition:
    """Make a function a blocking asset check that is partitioned by wiki."""
    with warnings.catch_warnings():
        # Dagster 1.13 calls the partitions of checks a preview.
        warnings.filterwarnings(
            "ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning
        )
        decorator = dg.asset_check(
            asset=asset, name=name, description=description, blocking=True, partitions_def=wikis
        )
        return decorator(check)


def _blocking_check(asset: str, required: RequiredCheck) -> dg.AssetChecksDefinition:
    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        return _check_wikis(context, compute, asset, required.run)

    return _partitioned(check, asset, required.name, required.description)


def _reads_back(
    context: dg.AssetCheckExecutionContext, compute: ComputeResource, hub: HubResource
) -> dg.AssetCheckResult:
    if hub.namespace is None:
        return _nothing_checked("the dataset is not on the Hub, as no namespace is set")
    return _check_wikis(context, compute, HUB_DATASET, partial(reads_back, hub=hub))


def _check_wikis(
    context: dg.AssetCheckExecutionContext, resource: ComputeResource, asset: str, check: Check
) -> dg.AssetCheckResult:
    with translate_errors():
        compute = resource.open()
        results = {
            wiki: check(current_manifest(context.instance, compute, asset, wiki), compute)
            for wiki in _wikis_to_check(context, asset)
        }
    return _result(results) if results else _nothing_checked(f"no wiki has {asset} yet")


def _nothing_checked(reason: str) -> dg.AssetCheckResult:
    """Return the result of a check that has not checked anything: it did not pass."""
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Nothing was checked: {reason}.",
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
    _blocking_check(asset, required)
    for asset, checks in REQUIRED_CHECKS.items()
    for required in checks
]
"""The checks of every asset's output."""

reads_back_from_the_hub = _partitioned(
    _reads_back,
    HUB_DATASET,
    "reads_back_from_the_hub",
    "Readers of the Hub get all rows, and ten random ones are exactly what was written.",
)
"""The check of what is on the Hub; there is none where datasets are not published there."""
