"""What a run spends on Modal: counted over its maps and attempts, shown as a tag, and bounded."""

from __future__ import annotations

import time

import dagster as dg

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.progress import Listener, StageProgress

DOLLARS_TAG = "wiki-embeddings/dollars"
"""Tag of a run: US dollars that the containers of its maps have cost so far."""

_RECORD_EVERY_S = 10.0
"""An attempt that is killed loses at most so much of the count."""


class SpendingLimitError(WikiEmbeddingsError):
    """A run has cost what it may cost."""


def spending_limit(
    instance: dg.DagsterInstance, run_id: str, max_dollars: float | None
) -> Listener:
    """Return a listener that records what the run has spent, and stops it at its limit.

    Args:
        instance: The instance, which keeps the tag.
        run_id: The run.
        max_dollars: The limit; None without one.

    Raises:
        SpendingLimitError: By the listener: the limit is reached.
    """
    before = spent_by(instance, run_id)
    folder, spent_on_map, recorded_at = "", 0.0, 0.0

    def listen(progress: StageProgress) -> None:
        nonlocal before, folder, spent_on_map, recorded_at
        if progress.folder != folder:  # another map, whose count begins at 0
            before, folder, spent_on_map = before + spent_on_map, progress.folder, 0.0
        if progress.usage is not None and progress.usage.dollars is not None:
            spent_on_map = progress.usage.dollars
        spent = before + spent_on_map
        is_over = max_dollars is not None and spent >= max_dollars and not progress.is_finished
        is_due = time.monotonic() - recorded_at >= _RECORD_EVERY_S
        if spent and (is_over or is_due or progress.is_finished):
            recorded_at = time.monotonic()
            instance.add_run_tags(run_id, {DOLLARS_TAG: f"{spent:.4f}"})
        if is_over:
            raise SpendingLimitError(
                f"This run may cost ${max_dollars:,.2f} (max_dollars), and has cost ${spent:,.2f}: "
                f"{progress.stage} is stopped. {progress.shards_done:,} of "
                f"{progress.shards_total:,} shards are finished and kept: another run with a limit "
                "of its own makes the rest."
            )

    return listen


def spent_by(instance: dg.DagsterInstance, run_id: str) -> float:
    """Return the US dollars that the maps of a run have cost so far."""
    run = instance.get_run_by_id(run_id)
    return float(run.tags.get(DOLLARS_TAG, 0.0)) if run else 0.0
