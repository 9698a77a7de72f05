"""What Dagster's record says of an asset's last materialization: which manifest it made.

The record, not the volume's listing, says what is current, so that what an asset reads is what the
UI shows as its upstream.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest, read_manifest

FOLDER = "folder"
"""Metadata key of the output folder's reference on the volume."""


@dataclass(frozen=True)
class Materialization:
    """One materialization as Dagster recorded it.

    Attributes:
        folder: Reference of the output folder on the volume.
        data_version: The manifest's digest.
    """

    folder: str
    data_version: str


def last_materialization(
    instance: dg.DagsterInstance, asset: str, wiki: str
) -> Materialization | None:
    """The last materialization of an asset for a wiki; None when there is none."""
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
    """The manifest that the last materialization of an asset made.

    Raises:
        BadInputError: It was never materialized for this wiki, or what it made is gone from the
            volume or is no longer what was recorded.
    """
    recorded = last_materialization(instance, asset, wiki)
    if recorded is None:
        raise BadInputError(f"{asset} of {wiki} has not been materialized yet: do that first.")
    manifest = read_manifest(compute.files, recorded.folder)
    if manifest is None or manifest.digest != recorded.data_version:
        what = "is not there" if manifest is None else "is not what Dagster recorded"
        raise BadInputError(
            f"The manifest of {asset} ({wiki}), {compute.files.where(recorded.folder)}, {what}: "
            f"materialize {asset} again on {compute.name}."
        )
    return manifest
