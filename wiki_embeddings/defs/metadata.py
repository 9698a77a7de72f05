"""What Dagster records of a materialization: data version, pictures, counts, rates, first rows.

Numbers are numbers, because Dagster plots them over the materializations of a wiki.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.asset_keys import CHUNKED_VOLUME
from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.defs.column_lineage import described
from wiki_embeddings.defs.materializations import (
    COLUMNS,
    FIRST_ROWS,
    FOLDER,
    SETTINGS,
    shown_before,
)
from wiki_embeddings.defs.pictures import show_picture
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Manifest
from wiki_embeddings.pictures.charts import length_histogram
from wiki_embeddings.volume import MiB

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute, Usage
    from wiki_embeddings.defs.materialize import Materialized
    from wiki_embeddings.progress import StageProgress
    from wiki_embeddings.volume import StageName

_SHOWN_TOTALS = ("articles", "empty_articles", "characters", "tokens")

_SHOWN_SETTINGS: Mapping[StageName, tuple[str, ...]] = {
    "raw": ("source", "snapshot", "fraction"),
    "chunks": ("model", "revision", "token_budget", "title_prefix"),
    "embeddings": ("dimensions", "pooling", "precision", "engine", "runtime"),
}
"""Settings of each stage that people ask about; all of them are in the JSON below the table."""

_VALUE_CHARACTERS = 50
"""Cuts the digest of weights, which is the revision of a model in a folder."""


def materialize_result(
    context: dg.AssetExecutionContext,
    compute: Compute,
    materialized: Materialized,
    extra: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult:
    """Build the result of an asset.

    Args:
        context: The asset's context.
        compute: The compute that has the output.
        materialized: The output.
        extra: Further metadata of one asset.
    """
    manifest = materialized.manifest
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.digest),
        metadata={
            **(extra or {}),  # where the dataset is, how to load it, and what there is to look at
            **_length_chart(context, manifest),
            **(
                shown_before(context, manifest.digest, (COLUMNS, FIRST_ROWS))
                or _table_metadata(compute, manifest)
            ),
            "dagster/row_count": manifest.rows,
            **_size_metadata(manifest),
            **_effort_metadata(materialized.progress),
            FOLDER: manifest.folder,
            "path": dg.MetadataValue.path(compute.files.where(manifest.folder)),
            "made_with": _settings_table(manifest),
            SETTINGS: dg.MetadataValue.json(
                {stage: dict(settings) for stage, settings in manifest.settings.items()}
            ),
        },
    )


def cost_metadata(usage: Usage) -> dict[str, Any]:
    """Describe what a map has cost so far."""
    return {
        "gpu_seconds" if usage.gpu else "container_seconds": round(usage.container_s, 1),
        **_price_metadata(usage.dollars),
        "modal_call": dg.MetadataValue.url(usage.url),
    }


def _price_metadata(dollars: float | None) -> dict[str, Any]:
    return {} if dollars is None else {"dollars": round(dollars, 4), "prices_as_of": PRICES_AS_OF}


def _size_metadata(manifest: Manifest) -> dict[str, Any]:
    totals = {name: manifest.total(name) for name in _SHOWN_TOTALS if name in manifest.totals}
    return {**totals, "files": len(manifest.files), "size_mib": round(manifest.bytes / MiB, 2)}


def _effort_metadata(progress: StageProgress) -> dict[str, Any]:
    return {
        "seconds": round(progress.seconds, 1),
        "duration": duration(progress.seconds),
        f"{progress.unit}_per_second": round(progress.rate, 1),
        **{f"{name}_per_second": round(rate, 1) for name, rate in progress.throughput.items()},
        f"{progress.unit}_kept": progress.reused,
        **(cost_metadata(progress.usage) if progress.usage else {}),
    }


def _table_metadata(compute: Compute, manifest: Manifest) -> dict[str, Any]:
    from wiki_embeddings.schemas import DESCRIPTIONS  # these load Arrow
    from wiki_embeddings.stages.preview import preview

    table = compute.call(preview, manifest.folder)
    if not table.columns:
        return {}
    columns = [
        dg.TableColumn(
            name, type=type_, description=described(manifest.stage, name, DESCRIPTIONS.get(name))
        )
        for name, type_ in table.columns
    ]
    shown = dg.TableSchema([dg.TableColumn(name) for name in table.rows[0]])
    return {
        COLUMNS: dg.TableSchema(columns),
        FIRST_ROWS: dg.MetadataValue.table(
            [dg.TableRecord(dict(row)) for row in table.rows], schema=shown
        ),
    }


def _length_chart(context: dg.AssetExecutionContext, manifest: Manifest) -> dict[str, Any]:
    counts = manifest.totals.get("tokens_histogram")
    if not isinstance(counts, list) or context.asset_key != dg.AssetKey(CHUNKED_VOLUME):
        return {}
    picture = length_histogram(counts, HISTOGRAM_BIN_TOKENS)
    return {"chunk_lengths": show_picture(context, "chunk_lengths", picture, "Lengths of chunks")}


def _settings_table(manifest: Manifest) -> dg.TableMetadataValue:
    """Show the settings that decided the content, those of earlier stages included."""
    rows = [
        {"setting": name, "value": str(manifest.settings[stage][name])[:_VALUE_CHARACTERS]}
        for stage, names in _SHOWN_SETTINGS.items()
        if stage in manifest.settings
        for name in names
        if manifest.settings[stage].get(name) is not None
    ]
    columns = dg.TableSchema([dg.TableColumn("setting"), dg.TableColumn("value")])
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=columns)
