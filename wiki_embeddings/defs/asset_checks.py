"""Asset checks: what must hold of each asset before anything is made from it, and its quality.

The former are blocking. Those of quality only warn: a failure loses nothing.

Each is partitioned by wiki, as the assets are: what it finds of one wiki does not replace what it
found of another. A check that has nothing to check fails as a warning, which blocks nothing.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import dagster as dg

from wiki_embeddings.asset_keys import EMBEDDINGS, HUB_DATASET
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.defs.asset_run import translate_errors
from wiki_embeddings.defs.materializations import current_manifest, last_evaluation
from wiki_embeddings.defs.publishing import reads_back
from wiki_embeddings.defs.quality_checks import QUALITY_CHECKS
from wiki_embeddings.defs.required_checks import REQUIRED_CHECKS, RequiredCheck
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.search_index import index_finds_nearest
from wiki_embeddings.defs.wikis import wikis
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest

Check: TypeAlias = Callable[[Manifest, Compute], CheckResult]

_MEASURED = "data_version"
"""Metadata key of the digest of what a check of quality has measured."""


def _partitioned(
    check: Callable[..., dg.AssetCheckResult],
    asset: str,
    name: str,
    description: str,
    *,
    blocking: bool = True,
) -> dg.AssetChecksDefinition:
    """Make a function an asset check that is partitioned by wiki."""
    with warnings.catch_warnings():
        # Dagster 1.13 calls the partitions of checks a preview.
        warnings.filterwarnings(
            "ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning
        )
        decorator = dg.asset_check(
            asset=asset,
            name=name,
            description=description,
            blocking=blocking,
            partitions_def=wikis,
        )
        return decorator(check)


def _blocking_check(asset: str, required: RequiredCheck) -> dg.AssetChecksDefinition:
    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        return _result(context, compute, asset, required.run)

    return _partitioned(check, asset, required.name, required.description)


def _reads_back(
    context: dg.AssetCheckExecutionContext, compute: ComputeResource, hub: HubResource
) -> dg.AssetCheckResult:
    if hub.namespace is None:
        return dg.AssetCheckResult(
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            description="Nothing was checked: the dataset is not on the Hub, as this run has no "
            "namespace.",
        )
    return _result(context, compute, HUB_DATASET, partial(reads_back, hub=hub))


def _quality_check(asset: str, run: Check) -> dg.AssetChecksDefinition:
    """A check that tells of a search that is less good, not of data that is wrong."""

    def check(
        context: dg.AssetCheckExecutionContext, compute: ComputeResource
    ) -> dg.AssetCheckResult:
        result = _result(context, compute, asset, partial(_measured_once, context, run))
        return result._replace(severity=dg.AssetCheckSeverity.WARN)

    return _partitioned(check, asset, run.__name__, run.__doc__ or "", blocking=False)


def _measured_once(
    context: dg.AssetCheckExecutionContext, run: Check, output: Manifest, compute: Compute
) -> CheckResult:
    """Measure an output, unless the last evaluation was of the same one: then return its result."""
    (spec,) = context.check_specs
    last = last_evaluation(context.instance, spec.key, context.partition_key)
    if last is not None and last.metadata.get(_MEASURED) == dg.MetadataValue.text(output.digest):
        return CheckResult(last.passed, last.description or "", last.metadata)
    found = run(output, compute)
    return replace(found, metadata={**found.metadata, _MEASURED: output.digest})


def _result(
    context: dg.AssetCheckExecutionContext, resource: ComputeResource, asset: str, check: Check
) -> dg.AssetCheckResult:
    with translate_errors(context):
        if not context.has_partition_key:
            raise BadInputError(
                "A check is of one wiki, and Dagster runs it only together with its asset: "
                f"materialize {asset} of a wiki. What is finished is recognised, and then checked."
            )
        compute = resource.open()
        manifest = current_manifest(context.instance, compute, asset, context.partition_key)
        found = check(manifest, compute)
    return dg.AssetCheckResult(
        passed=found.passed, description=found.description, metadata=found.metadata
    )


asset_checks = [
    *(
        _blocking_check(asset, required)
        for asset, checks in REQUIRED_CHECKS.items()
        for required in checks
    ),
    *(_quality_check(EMBEDDINGS, check) for check in QUALITY_CHECKS),
    _quality_check(HUB_DATASET, index_finds_nearest),
]
"""The checks of every asset's output."""

reads_back_from_the_hub = _partitioned(
    _reads_back,
    HUB_DATASET,
    "reads_back_from_the_hub",
    "The Hub returns every row, and ten random rows are exactly what was written.",
)
"""The check of what is on the Hub; there is none where datasets are not published there."""
