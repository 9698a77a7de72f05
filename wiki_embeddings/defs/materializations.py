"""The last materialization of an asset, in Dagster's record, and the manifest that it made.

The record decides what is current, not the files on the volume, so that an asset reads what the UI
shows as its upstream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, read_manifest

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute

FOLDER = "folder"
"""Metadata key of the output folder's reference on the volume."""


@dataclass(frozen=True)
class Materialization:
    """A materialization in Dagster's record.

    Attributes:
        folder: Reference of the output folder on the volume.
        data_version: The manifest's digest.
    """

    folder: str
    data_version: str


def last_materialization(
    instance: dg.DagsterInstance, asset: str, wiki: str
) -> Materialization | None:
    """Look up the last materialization of an asset for a wiki; None if there is none."""
    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[wiki])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        materialization = record.asset_materialization
        if materialization is not None and FOLDER in materialization.metadata:
            return Materialization(
                folder=str(materialization.metadata[FOLDER].value),
                data_version=(materialization.tags or {})["dagster/data_version"],
            )
    return None


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
        raise BadInputError(f"{asset} of {wiki} has not been materialized yet: do that first.")
    manifest = read_manifest(compute.files, recorded.folder)
    if manifest is None or manifest.digest != recorded.data_version:
        what = "is missing" if manifest is None else "differs from Dagster's record"
        raise BadInputError(
            f"The manifest of {asset} ({wiki}), {compute.files.where(recorded.folder)}, {what}: "
            f"materialize {asset} again on {compute.name}."
        )
    return manifest
