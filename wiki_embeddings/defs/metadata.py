"""What Dagster records of a materialization: data version, counts, rates, schema, first rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.defs.column_lineage import described
from wiki_embeddings.defs.histogram import as_markdown, histogram_svg
from wiki_embeddings.defs.materializations import (
    COLUMNS,
    FIRST_ROWS,
    FOLDER,
    SETTINGS,
    last_materialization,
)
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Manifest
from wiki_embeddings.volume import MiB

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute, Usage
    from wiki_embeddings.defs.materialize import Materialized
    from wiki_embeddings.progress import StageProgress

_SHOWN_TOTALS = ("articles", "empty_articles", "characters", "tokens")


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
            FOLDER: manifest.folder,
            "path": dg.MetadataValue.path(compute.files.where(manifest.folder)),
            **(extra or {}),  # where the dataset is and how to load it, before what is long
            "dagster/row_count": manifest.rows,
            **_size_metadata(manifest),
            **_effort_metadata(materialized.progress),
            **(_recorded_table(context, manifest) or _table_metadata(compute, manifest)),
            **_length_chart(manifest),
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
        "reused": f"{progress.reused:,} of {progress.total:,} {progress.unit}",
        **(cost_metadata(progress.usage) if progress.usage else {}),
    }


def _recorded_table(context: dg.AssetExecutionContext, manifest: Manifest) -> Mapping[str, Any]:
    """Return what the last materialization showed of the same data; empty if it was other data."""
    last = last_materialization(
        context.instance, context.asset_key.to_user_string(), context.partition_key
    )
    return last.table if last and last.data_version == manifest.digest else {}


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
    as_text = dg.TableSchema([dg.TableColumn(name, type="string") for name, _ in table.columns])
    return {
        COLUMNS: dg.TableSchema(columns),
        FIRST_ROWS: dg.MetadataValue.table(
            [dg.TableRecord(dict(row)) for row in table.rows], schema=as_text
        ),
    }


def _length_chart(manifest: Manifest) -> dict[str, Any]:
    counts = manifest.totals.get("tokens_histogram")
    if not isinstance(counts, list):
        return {}
    title = "Chunks by number of tokens"
    svg = histogram_svg(counts, HISTOGRAM_BIN_TOKENS, title)
    return {"chunk_lengths": dg.MetadataValue.md(as_markdown(svg, title))}
