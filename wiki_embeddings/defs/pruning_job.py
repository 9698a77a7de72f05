"""The job that removes old outputs from the volume; it says first what it would remove."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from wiki_embeddings import pruning
from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.defs.asset_run import translate_errors
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.defs.resources import ComputeResource
from wiki_embeddings.pruning import PruningPlan, Removal
from wiki_embeddings.volume import MiB


def current_outputs(instance: dg.DagsterInstance) -> set[str]:
    """Return the references of the output folders that must stay, whatever their age.

    Those of the last materialization of each asset and wiki, removed wikis included.
    """
    return {
        last.folder
        for asset in ASSET_KEYS
        for wiki in instance.get_materialized_partitions(dg.AssetKey(asset))
        if (last := last_materialization(instance, asset, wiki)) is not None
    }


def describe(plan: PruningPlan, prefix: str = "") -> Iterator[str]:
    """Say in lines for people what a plan would remove, then how much together.

    Args:
        plan: The plan.
        prefix: What stands before each removal.
    """
    for removal in plan.removals:
        yield (
            f"{prefix}{removal.folder}: {counted(removal.files, 'file')}, "
            f"{removal.bytes / MiB:,.1f} MiB; {removal.reason}."
        )
    yield (
        f"Together {counted(len(plan.removals), 'output')} with {plan.bytes / MiB:,.1f} MiB; "
        f"{plan.kept:,} with {plan.kept_bytes / MiB:,.1f} MiB stay."
    )


def counted(number: int, noun: str) -> str:
    """Write a number of things: `1 output`, `2 outputs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


class PruningConfig(dg.Config):
    """Whether to remove anything."""

    dry_run: bool = Field(
        default=True,
        description="Only say what would be removed. Set it to false to remove it.",
    )


@dg.op(description="Lists the outputs that may go, then removes them unless it is a dry run.")
def prune_outputs(
    context: dg.OpExecutionContext,
    config: PruningConfig,
    compute: ComputeResource,
) -> None:
    """Say what may go, in the log and as metadata; then remove it."""
    with translate_errors(context):
        opened = compute.open()
        current = sorted(current_outputs(context.instance))
        plan = opened.call(pruning.plan_pruning, current)
        for line in describe(plan, "Would go: " if config.dry_run else "Goes: "):
            context.log.info(line)
        removed: tuple[Removal, ...] = ()
        if plan.removals and not config.dry_run:
            folders = [removal.folder for removal in plan.removals]
            removed = opened.change(pruning.prune, current, folders)
            for removal in removed:
                context.log.info(f"Removed: {removal.folder}")
        context.add_output_metadata(_metadata(plan, removed))


def _metadata(plan: PruningPlan, removed: tuple[Removal, ...]) -> dict[str, Any]:
    rows = [
        dg.TableRecord(
            {
                "folder": removal.folder,
                "MiB": round(removal.bytes / MiB, 1),
                "why": removal.reason,
            }
        )
        for removal in plan.removals
    ]
    columns = [
        dg.TableColumn("folder"),
        dg.TableColumn("MiB", type="float"),
        dg.TableColumn("why"),
    ]
    return {
        "may_go": dg.MetadataValue.table(rows, schema=dg.TableSchema(columns)),
        "may_go_mib": round(plan.bytes / MiB, 1),
        "kept": plan.kept,
        "kept_mib": round(plan.kept_bytes / MiB, 1),
        "removed": len(removed),
        "removed_mib": round(sum(removal.bytes for removal in removed) / MiB, 1),
    }


@dg.job(
    description="Removes outputs that nothing needs any more from the volume: of each wiki, model "
    "and fraction the last two complete ones of each stage stay, with all that they were made "
    "from; incomplete ones go after a day. It lists first what it would remove; by default that is "
    "all it does."
)
def prune_old_outputs() -> None:
    """Run the one op."""
    prune_outputs()
