"""Materialize a plan for an asset, and put into Dagster's record what a person wants to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg

from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.compute.protocol import Compute, Usage
from wiki_embeddings.defs.histogram import as_markdown, histogram_svg
from wiki_embeddings.defs.materializations import FOLDER, current_manifest
from wiki_embeddings.defs.materialize import Materialized, drive
from wiki_embeddings.defs.required_checks import require_checks_pass
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import HISTOGRAM_BIN_TOKENS, Manifest
from wiki_embeddings.progress import Listener, Snapshot, throttled
from wiki_embeddings.schemas import DESCRIPTIONS
from wiki_embeddings.stages.preview import Preview, look
from wiki_embeddings.stages.shard import Plan, SpecT
from wiki_embeddings.volume import MiB

_LOG_EVERY_S = 10.0
"""A line often enough to see that it moves, while the log of a long run stays readable."""

_OBSERVE_EVERY_S = 60.0
"""Observations stay in the asset's history: fewer of them than lines in the log."""

_SHOWN_TOTALS = ("articles", "empty_articles", "characters", "tokens")


@contextmanager
def translate_errors() -> Iterator[None]:
    """Let a run fail with the sentence that an error was given, and without a retry.

    Raises:
        dagster.Failure: A `WikiEmbeddingsError` came up.
    """
    try:
        yield
    except WikiEmbeddingsError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def upstream(context: dg.AssetExecutionContext, compute: Compute, asset: str) -> Manifest:
    """The manifest to read from: what an upstream asset made last, if all is well with it.

    Raises:
        BadInputError: It was never materialized, is gone, or something that must hold of it does
            not.
    """
    manifest = current_manifest(context.instance, compute, asset, context.partition_key)
    require_checks_pass(asset, manifest, compute)
    return manifest


def materialize(
    context: dg.AssetExecutionContext,
    plan: Plan[SpecT],
    compute: Compute,
    listener: Listener,
) -> Materialized:
    """Drive a plan while the run's log tells how far it has come.

    Raises:
        ShardsFailedError: Some shards failed.
    """
    asset = context.asset_key.to_user_string()
    context.log.info(
        f"{asset} of {plan.wiki} on {compute.name}: {len(plan.specs):,} shards in {plan.folder}"
    )
    log = throttled(lambda snapshot: context.log.info(snapshot.line()), _LOG_EVERY_S)

    observe = throttled(
        lambda snapshot: context.log_event(_observation(context, snapshot)),
        _OBSERVE_EVERY_S,
        from_start=False,
    )

    def tell(snapshot: Snapshot) -> None:
        log(snapshot)
        observe(snapshot)
        listener(snapshot)

    return drive(plan, compute, tell, asset)


def _observation(context: dg.AssetExecutionContext, snapshot: Snapshot) -> dg.AssetObservation:
    """How far an asset has come, for its history in the UI."""
    usage = snapshot.usage
    metadata: dict[str, Any] = {
        f"{snapshot.unit}_done": snapshot.done,
        f"{snapshot.unit}_total": snapshot.total,
        "shards_done": snapshot.shards_done,
        "shards_total": snapshot.shards_total,
        **{f"{name}_per_second": round(rate, 1) for name, rate in snapshot.throughput.items()},
    }
    if snapshot.eta_s is not None:
        metadata["eta_seconds"] = round(snapshot.eta_s)
    if usage is not None:
        metadata |= {"containers": usage.containers, **_spent(usage)}
    return dg.AssetObservation(
        context.asset_key, metadata=metadata, partition=context.partition_key
    )


def _spent(usage: Usage) -> dict[str, Any]:
    return {
        "gpu_seconds" if usage.gpu else "container_seconds": round(usage.container_s, 1),
        "dollars": round(usage.dollars, 4),
        "prices_as_of": PRICES_AS_OF,
        "modal_call": dg.MetadataValue.url(usage.url),
    }


def result(
    compute: Compute, outcome: Materialized, extra: Mapping[str, Any] | None = None
) -> dg.MaterializeResult:
    """What Dagster records of an outcome: data version, counts, rates, schema, a look at rows.

    Args:
        compute: Where the output lies.
        outcome: What has been made.
        extra: Further metadata of the asset's own.
    """
    manifest = outcome.manifest
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.digest),
        metadata={
            FOLDER: manifest.folder,
            "path": dg.MetadataValue.path(compute.files.where(manifest.folder)),
            **(extra or {}),  # before what is long: where a dataset is, and how to load it
            "dagster/row_count": manifest.rows,
            **_sizes(manifest),
            **_effort(outcome.progress),
            **_table(compute.call(look, manifest.folder)),
            **_drawing(manifest),
            "settings": dg.MetadataValue.json(
                {key: dict(s) for key, s in manifest.settings.items()}
            ),
        },
    )


def _sizes(manifest: Manifest) -> dict[str, Any]:
    counted = {name: manifest.total(name) for name in _SHOWN_TOTALS if name in manifest.totals}
    return {**counted, "files": len(manifest.files), "size_mib": round(manifest.bytes / MiB, 2)}


def _effort(progress: Snapshot) -> dict[str, Any]:
    return {
        "seconds": round(progress.seconds, 1),
        "duration": duration(progress.seconds),
        f"{progress.unit}_per_second": round(progress.rate, 1),
        **{f"{name}_per_second": round(rate, 1) for name, rate in progress.throughput.items()},
        "reused": f"{progress.reused:,} of {progress.total:,} {progress.unit}",
        **(_spent(progress.usage) if progress.usage else {}),
    }


def _table(seen: Preview) -> dict[str, Any]:
    columns = [
        dg.TableColumn(name, type=type_, description=DESCRIPTIONS.get(name))
        for name, type_ in seen.columns
    ]
    if not columns:
        return {}
    shown = dg.TableSchema([dg.TableColumn(name, type="string") for name, _ in seen.columns])
    return {
        "dagster/column_schema": dg.TableSchema(columns),
        "first_rows": dg.MetadataValue.table(
            [dg.TableRecord(dict(row)) for row in seen.rows], schema=shown
        ),
    }


def _drawing(manifest: Manifest) -> dict[str, Any]:
    counts = manifest.totals.get("tokens_histogram")
    if not isinstance(counts, list):
        return {}
    svg = histogram_svg(counts, HISTOGRAM_BIN_TOKENS, "Chunks by number of tokens")
    return {"chunk_lengths": dg.MetadataValue.md(as_markdown(svg, "Chunks by number of tokens"))}
