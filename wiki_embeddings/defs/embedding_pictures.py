"""What the page of `embeddings` shows to look at: a map, neighbours, speed, time and money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.defs.pictures import show_picture
from wiki_embeddings.pictures.charts import Moment, Share, effort_shares, speed_over_time

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.defs.materialize import Materialized
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.progress import Listener, StageProgress

_MOST_MOMENTS = 500
_FIRST_INTERVAL_S = 0.2


class Timeline:
    """Remembers how far a map was, at some hundreds of moments however long it takes.

    Args:
        listener: Receives the progress afterwards.

    Attributes:
        moments: The moments, by ascending time.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.moments: list[Moment] = []
        self._every_s = _FIRST_INTERVAL_S

    def listen(self, progress: StageProgress) -> None:
        """Take note of the progress, if the last note is old enough or all is done."""
        last_s = self.moments[-1].seconds if self.moments else -self._every_s
        if progress.seconds - last_s >= self._every_s or progress.is_finished:
            self._note(progress)
        self._listener(progress)

    def _note(self, progress: StageProgress) -> None:
        containers = progress.usage.containers if progress.usage else None
        done = progress.done - progress.reused
        self.moments.append(Moment(progress.seconds, done, containers))
        if len(self.moments) > _MOST_MOMENTS:
            self.moments = self.moments[:-1:2] + self.moments[-1:]
            self._every_s *= 2


def effort_pictures(
    context: dg.AssetExecutionContext, made: Materialized, timeline: Timeline
) -> dict[str, Any]:
    """Show how fast a run embedded, and where its time and money went.

    Args:
        context: The asset's context.
        made: What it made.
        timeline: How far it was when.

    Returns:
        Metadata for Dagster; empty if the run made no shard.
    """
    moments = timeline.moments
    if not made.progress.tokens or moments[-1].done <= moments[0].done:
        return {}
    speed = speed_over_time(moments, made.progress.tokens)
    title = "Where the time went"
    if usage := made.progress.usage:
        kind = f"{usage.gpu} containers" if usage.gpu else "containers"
        title = f"Where the time of all {kind} went, and the money"
    effort = effort_shares(_shares(made), title)
    return {
        "speed": show_picture(context, "speed", speed, "Tokens per second over time"),
        "time_and_money": show_picture(context, "time_and_money", effort, title),
    }


def _shares(made: Materialized) -> list[Share]:
    """Split the time of all workers. On this machine there is one, which uses every core."""
    from wiki_embeddings.stages.reuse import ENCODING_MS  # loads Arrow

    progress = made.progress
    total_s = progress.usage.container_s if progress.usage else progress.seconds
    dollars = progress.usage.dollars if progress.usage else None
    encoding_ms = sum(r.file.effort.get(ENCODING_MS, 0) for r in made.reports if not r.reused)
    # A container that reads one shard while it computes another is busy with both: the hidden part
    # of reading costs nothing.
    encoding_s = min(encoding_ms / 1000, total_s)
    in_shards_s = min(progress.shard_s, total_s)
    seconds = {
        "computing vectors": encoding_s,
        "reading, checking and writing shards": max(0.0, in_shards_s - encoding_s),
        "starting, loading the model, waiting": max(0.0, total_s - max(in_shards_s, encoding_s)),
    }
    return [
        Share(label, s, None if dollars is None or not total_s else dollars * s / total_s)
        for label, s in seconds.items()
    ]


def map_metadata(
    context: dg.AssetExecutionContext, compute: Compute, vectors: Manifest
) -> dict[str, Any]:
    """Show a map of the embeddings, and the neighbours of some articles.

    Returns:
        Metadata for Dagster; empty if there are too few vectors.
    """
    from wiki_embeddings.stages.embedding_map import draw_map  # loads Arrow

    drawn = compute.call(draw_map, vectors.folder)
    if drawn is None:
        return {}
    headings = ("article", "nearest", "second")
    rows = [
        dict(
            zip(
                headings, (one.title, *(f"{t} ({cos:.2f})" for t, cos in one.nearest)), strict=False
            )
        )
        for one in drawn.neighbours
    ]
    columns = dg.TableSchema([dg.TableColumn(name) for name in headings])
    records = [dg.TableRecord({name: row.get(name, "") for name in headings}) for row in rows]
    return {
        "map": show_picture(context, "map", drawn.picture, "A map of the embeddings"),
        "neighbours": dg.MetadataValue.table(records, schema=columns),
    }
