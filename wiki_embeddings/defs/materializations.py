"""The materializations of an asset, in Dagster's record, and the manifests that they made.

The record decides what is current, not the files on the volume, so that an asset reads what the UI
shows as its upstream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

# There is no public way to the results of checks.
from dagster._core.event_api import PartitionKeyFilter
from dagster._core.storage.asset_check_execution_record import (
    COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
)

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute

FOLDER = "folder"
"""Metadata key of the output folder's reference on the volume."""

SETTINGS = "settings"
"""Metadata key of everything that decided the content: the settings of all stages, as JSON."""

COLUMNS = "dagster/column_schema"
"""Metadata key of the table's columns, their types and descriptions."""

FIRST_ROWS = "first_rows"
"""Metadata key of the table's first rows."""

_PAGE = 20
"""Records in one query: usually all that are wanted."""


@dataclass(frozen=True)
class Materialization:
    """A materialization in Dagster's record.

    Attributes:
        folder: Reference of the output folder on the volume.
        data_version: The manifest's digest.
        run_id: The run that made it.
        raw_settings: Settings of the articles that it comes from: their snapshot, the fraction.
        shown: What else its page shows: all metadata entries, by key.
    """

    folder: str
    data_version: str
    run_id: str
    raw_settings: Mapping[str, Any]
    shown: Mapping[str, dg.MetadataValue[Any]] = field(default_factory=dict)


def last_materialization(
    instance: dg.DagsterInstance, asset: str, wiki: str
) -> Materialization | None:
    """Look up the last materialization of an asset for a wiki; None if there is none."""
    return next(_materializations(instance, asset, wiki, page=1), None)


def shown_before(
    context: dg.AssetExecutionContext, data_version: str, keys: Sequence[str]
) -> Mapping[str, dg.MetadataValue[Any]]:
    """Return what the last materialization of the same data showed, so as not to make it again.

    Args:
        context: The asset's context.
        data_version: Digest of the data's manifest.
        keys: The metadata entries that are wanted.

    Returns:
        These entries; empty if the last one was of other data, or lacks one of them.
    """
    last = last_materialization(
        context.instance, context.asset_key.to_user_string(), context.partition_key
    )
    if last is None or last.data_version != data_version:
        return {}
    found = {key: last.shown[key] for key in keys if key in last.shown}
    return found if len(found) == len(keys) else {}


def _materializations(
    instance: dg.DagsterInstance, asset: str, wiki: str, page: int = _PAGE
) -> Iterator[Materialization]:
    """List the materializations of an asset for a wiki, newest first, `page` in one query."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[wiki])
    cursor: str | None = None
    while True:
        found = instance.fetch_materializations(wanted, limit=page, cursor=cursor)
        for record in found.records:
            materialization = record.asset_materialization
            if materialization is not None and FOLDER in materialization.metadata:
                yield Materialization(
                    folder=str(materialization.metadata[FOLDER].value),
                    data_version=(materialization.tags or {})["dagster/data_version"],
                    run_id=record.run_id,
                    raw_settings=_raw_settings(materialization),
                    shown=materialization.metadata,
                )
        cursor = found.cursor
        if not found.has_more:
            return


def _raw_settings(materialization: dg.AssetMaterialization) -> Mapping[str, Any]:
    settings = materialization.metadata.get(SETTINGS)
    value = settings.value if isinstance(settings, dg.JsonMetadataValue) else None
    return value.get("raw", {}) if isinstance(value, dict) else {}


def last_evaluation(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, wiki: str
) -> dg.AssetCheckEvaluation | None:
    """Look up the last result of a check of a wiki; None if there is none."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        check,
        limit=1,
        status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES,
        partition_filter=PartitionKeyFilter(key=wiki),
    )
    event = records[0].event if records else None
    return event.asset_check_evaluation if event else None


def current_manifest(
    instance: dg.DagsterInstance, compute: Compute, asset: str, wiki: str
) -> Manifest:
    """Read the manifest of an asset's last materialization.

    Raises:
        BadInputError: The asset was never materialized for this wiki, or its output is gone from
            the volume or differs from the record.
    """
    recorded = last_materialization(instance, asset, wiki)
    if recorded is None:
        command = f"dagster asset materialize --select {asset} --partition {wiki}"
        raise BadInputError(
            f"{asset} of {wiki} has not been materialized yet in the Dagster instance "
            f"{instance.root_directory}: do that first, in the UI, with `wiki-embeddings run "
            f"--wiki {wiki}`, or with `{command} -m wiki_embeddings.definitions`. If it was, then "
            "in another instance: DAGSTER_HOME names the one to use."
        )
    manifest = read_manifest(compute.files, recorded.folder)
    if manifest is None or manifest.digest != recorded.data_version:
        what = "is missing" if manifest is None else "differs from Dagster's record"
        raise BadInputError(
            f"The manifest of {asset} ({wiki}), {compute.files.where(recorded.folder)}, {what}: "
            f"materialize {asset} again on {compute.name}."
        )
    return manifest


def earlier_manifests(
    instance: dg.DagsterInstance, compute: Compute, asset: str, wiki: str, folder: str
) -> Iterator[Manifest]:
    """Read the manifests of an asset's earlier outputs, newest first, each output once.

    An output that is gone from the volume or has changed is skipped; see `manifest_if_unchanged`.

    Args:
        instance: Dagster's instance, whose record lists the outputs.
        compute: The compute that has the volume.
        asset: Key of the asset.
        wiki: The wiki.
        folder: Reference of the output that the others are earlier than; it is left out.
    """
    seen = {folder}
    for recorded in _materializations(instance, asset, wiki):
        if recorded.folder in seen:
            continue
        seen.add(recorded.folder)
        manifest = manifest_if_unchanged(compute, recorded.folder, recorded.data_version)
        if manifest is not None:
            yield manifest


def manifest_if_unchanged(compute: Compute, folder: str, digest: str) -> Manifest | None:
    """Read the manifest of an earlier output that the caller can do without.

    Returns:
        The manifest; None if the output is gone from the volume, or, with a warning in the log, if
        its manifest cannot be read or has another digest.
    """
    try:
        manifest = read_manifest(compute.files, folder)
    except BadInputError as error:
        dg.get_dagster_logger().warning(f"Not used: {error}")
        return None
    if manifest is not None and manifest.digest != digest:
        where = compute.files.where(folder)
        dg.get_dagster_logger().warning(f"Not used: {where} has changed since it was made.")
        return None
    return manifest
