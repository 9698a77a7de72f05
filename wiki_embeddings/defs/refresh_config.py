"""The run config of a refresh: that of the wiki's last materializations, on a newer export."""

from __future__ import annotations

from typing import Any

import dagster as dg

from wiki_embeddings.asset_keys import ASSET_KEYS, RAW_WIKIPEDIA
from wiki_embeddings.defs.config import CONFIGS
from wiki_embeddings.defs.materializations import last_materialization

_NOT_REPEATED = {
    *("snapshot", "fraction", "source", "hub_dataset", "hub_revision"),
    *("max_missing_share", "replace_existing"),
}
"""Fields that say which articles, as a refresh reads a whole, newer export; and the permissions to
lose more articles and to replace somebody else's dataset, which are given for one run."""


def refresh_config(
    instance: dg.DagsterInstance, wiki: str, snapshot: str | None = None
) -> dict[str, Any]:
    """Return the run config of a wiki's refresh.

    A refresh keeps the model and all other settings, so that it goes on with the same dataset and
    takes over its vectors. What was never materialized gets the defaults.

    Args:
        instance: Dagster's instance.
        wiki: The wiki.
        snapshot: Date of the export; None for the newest.
    """
    configs = {asset: _last_config(instance, asset, wiki) for asset in ASSET_KEYS}
    if snapshot is not None:
        configs[RAW_WIKIPEDIA]["snapshot"] = snapshot
    ops = {asset: {"config": config} for asset, config in configs.items() if config}
    return {"ops": ops} if ops else {}


def _last_config(instance: dg.DagsterInstance, asset: str, wiki: str) -> dict[str, Any]:
    """Return what is repeated of an asset's config in the run that materialized it last.

    Fields that this release no longer has are left out.
    """
    last = last_materialization(instance, asset, wiki)
    run = instance.get_run_by_id(last.run_id) if last else None
    ops: Any = run.run_config.get("ops") if run else None
    config = ((ops or {}).get(asset) or {}).get("config") or {}
    repeated = CONFIGS[asset].model_fields.keys() - _NOT_REPEATED
    return {name: config[name] for name in config.keys() & repeated}
