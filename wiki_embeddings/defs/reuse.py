"""What `embeddings` takes over from earlier ones, and what that saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.asset_keys import EMBEDDINGS
from wiki_embeddings.defs.materializations import earlier_manifests
from wiki_embeddings.host import duration

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.defs.materialize import Materialized
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.stages.embed import EmbedSpec
    from wiki_embeddings.stages.shard import Plan


def newest_reusable(
    context: dg.AssetExecutionContext, compute: Compute, plan: Plan[EmbedSpec]
) -> Manifest | None:
    """Find the newest earlier embeddings whose vectors a plan may take over; None without any."""
    from wiki_embeddings.stages.reuse import can_reuse  # loads Arrow

    earlier = earlier_manifests(context.instance, compute, EMBEDDINGS, plan.wiki, plan.folder)
    found = next((one for one in earlier if can_reuse(one, plan.settings)), None)
    context.log.info(
        f"Unchanged chunks take their vectors from {compute.files.where(found.folder)}"
        if found
        else "No earlier snapshot has embeddings from the same encoder to take vectors from"
    )
    return found


def reuse_metadata(
    context: dg.AssetExecutionContext,
    compute: Compute,
    made: Materialized,
    previous: Manifest | None,
) -> dict[str, Any]:
    """Describe what was taken over, and log it; empty if there was nothing to take it from.

    Where shards are made side by side, the time saved is that much shorter.
    """
    if previous is None:
        return {}
    from wiki_embeddings.stages import reuse  # loads Arrow

    vectors = made.manifest
    reused, embedded = vectors.effort(reuse.REUSED), vectors.effort(reuse.EMBEDDED)
    dropped = max(0, previous.rows - vectors.effort(reuse.KEPT))
    context.log.info(f"{reused:,} chunks reused, {embedded:,} embedded, {dropped:,} dropped")
    if lost := vectors.effort(reuse.UNREADABLE):
        context.log.warning(
            f"{lost:,} times an earlier shard could not be used, because it is missing or differs "
            "from its manifest: its chunks were embedded again."
        )
    metadata: dict[str, Any] = {
        "reused_chunks": reused,
        "embedded_chunks": embedded,
        "dropped_chunks": dropped,
        "unreadable_earlier_shards": lost,
        "reused_from": previous.folder,
    }
    if saved := _saved(compute, made, previous):
        seconds, dollars = saved
        metadata["saved_seconds"] = round(seconds, 1)
        metadata["saved"] = f"about {duration(seconds)}"
        if dollars is not None:
            metadata["saved_dollars"] = round(dollars, 4)
            metadata["saved"] += f" and ${dollars:,.2f}"
        context.log.info(f"Reusing them saved {metadata['saved']}")
    return metadata


def _saved(
    compute: Compute, made: Materialized, previous: Manifest
) -> tuple[float, float | None] | None:
    """Return the seconds and, if known, the dollars that the reused chunks would have cost.

    The rate is that at which the same run embedded the other chunks; where it embedded none, that
    which was recorded for the earlier output. None if that was not recorded, either.
    """
    from wiki_embeddings.publishing.publication import read_throughput  # these load Arrow
    from wiki_embeddings.stages import reuse

    vectors, progress = made.manifest, made.progress
    reused, embedded = vectors.effort(reuse.REUSED), vectors.effort(reuse.EMBEDDED)
    if embedded and progress.shard_s:
        saved_shard_s = reused * vectors.effort(reuse.ENCODING_MS) / 1000 / embedded
        share, seconds = saved_shard_s / progress.shard_s, progress.seconds
        dollars = progress.usage.dollars if progress.usage else None
    elif record := read_throughput(compute.files, previous.folder):
        share, seconds = reused / record["passages"], record["seconds"]
        dollars = record["dollars"]
    else:
        return None
    return share * seconds, None if dollars is None else share * dollars
