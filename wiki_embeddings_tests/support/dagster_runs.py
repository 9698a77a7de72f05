"""Runs of the assets in this process, as Dagster executes them, and what they recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.defs import asset_run
from wiki_embeddings.defs.asset_checks import asset_checks
from wiki_embeddings.defs.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia
from wiki_embeddings.defs.listening import listening
from wiki_embeddings.defs.materializations import Materialization, last_materialization
from wiki_embeddings.defs.materialize import Materialized
from wiki_embeddings.defs.materialize import materialize as make_all_shards
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.defs.wikipedia_export import wikipedia_export
from wiki_embeddings.defs.wikis import add_wiki
from wiki_embeddings.progress import Listener, silent
from wiki_embeddings.settings import ComputeKind
from wiki_embeddings.stages.shard import Plan

_ASSETS = (wikipedia_export, raw_wikipedia, chunked_volume, embeddings, hub_dataset)


def new_instance(folder: Path) -> AbstractContextManager[dg.DagsterInstance]:
    """A Dagster instance that keeps its record in a folder, also one that was there before."""
    quiet = {"telemetry": {"enabled": False}}
    return dg.DagsterInstance.local_temp(str(folder), overrides=quiet)


def resources(
    folder: Path,
    *,
    kind: ComputeKind = "local",
    namespace: str | None = None,
    listener: Listener = silent,
) -> dict[str, Any]:
    """The resources of the assets, with the volume and the published datasets in a folder.

    Args:
        folder: The folder; on Modal the volume is not there.
        kind: Where the stages run.
        namespace: On the Hub, to publish to.
        listener: Receives the progress.
    """
    return {
        "compute": ComputeResource(kind=kind, volume=str(folder / "volume")),
        "hub": HubResource(folder=str(folder / "hub"), namespace=namespace),
        "listener": listener,
    }


def materialize(
    instance: dg.DagsterInstance,
    wiki: str,
    assets: Sequence[str],
    config: Mapping[str, Mapping[str, Any]],
    resources: Mapping[str, Any],
) -> dg.ExecuteInProcessResult:
    """Materialize assets of a wiki with their checks; all four if none is named.

    A step that fails is not tried again, so that no test waits for minutes.
    """
    chosen = assets or ASSET_KEYS
    add_wiki(instance, wiki)
    with (
        listening(resources["listener"]),
        mock.patch.object(asset_run, "RETRY_WAITS_S", ()),
    ):
        return dg.materialize(
            [*_ASSETS, *asset_checks],
            selection=dg.AssetSelection.assets(*chosen),
            instance=instance,
            partition_key=wiki,
            run_config={"ops": {a: {"config": dict(config[a])} for a in chosen if a in config}},
            resources=resources,
            raise_on_error=False,
        )


def evaluate_checks(
    instance: dg.DagsterInstance, selection: dg.AssetSelection, resources: Mapping[str, Any]
) -> dg.ExecuteInProcessResult:
    """Evaluate asset checks without materializing anything."""
    return dg.materialize(
        [*_ASSETS, *asset_checks],
        selection=selection,
        instance=instance,
        resources=resources,
        raise_on_error=False,
    )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Description of each failed step, as the UI shows it."""
    messages = {}
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            described = failure.user_failure_data
            messages[str(event.step_key)] = (
                described.description or "" if described is not None else str(failure.error)
            )
    return messages


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Whether each asset check passed, by its name."""
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """Metadata values of the one materialization of an asset."""
    assert result.success, failures(result)
    (materialization,) = result.asset_materializations_for_node(asset)
    return {name: entry.value for name, entry in materialization.metadata.items()}


def recorded(instance: dg.DagsterInstance, asset: str, wiki: str) -> Materialization | None:
    """The last materialization of an asset that Dagster has on record."""
    return last_materialization(instance, asset, wiki)


def make_shards(
    plan: Plan[Any], compute: Compute, asset: str = "toy", listener: Listener = silent
) -> Materialized:
    """Make all shards of a plan and its manifest, without Dagster."""
    return make_all_shards(plan, compute, listener, asset)
