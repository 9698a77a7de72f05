"""What `hub_dataset` does for the index: makes its codes before the files, measures it after them.

The centroids are kept from snapshot to snapshot, as long as they serve: then unchanged vectors have
the same codes in the same lists, and readers and the Hub have less to take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wiki_embeddings.asset_keys import HUB_DATASET
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.dataset_layout import INDEXED_ROWS
from wiki_embeddings.defs.config import HubDatasetConfig, IndexChoice
from wiki_embeddings.defs.materializations import earlier_manifests, manifest_if_unchanged
from wiki_embeddings.defs.materialize import materialize

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.manifest import Manifest
    from wiki_embeddings.progress import Listener

LEAST_RECALL = 0.95

MOST_UNEVEN = 8.0
"""Rows of the largest list over the mean: beyond that a question reads few lists for its bytes."""

_MOST_GROWTH = 1.5
"""Lists that a dataset would get now over those that it has."""


def index_codes(
    context: dg.AssetExecutionContext,
    compute: Compute,
    vectors: Manifest,
    config: HubDatasetConfig,
    listener: Listener,
) -> Manifest | None:
    """Make the codes that the index of a dataset is made from.

    Returns:
        Their manifest; None for a dataset without an index.
    """
    wanted = config.index is IndexChoice.on or (
        config.index is IndexChoice.auto and vectors.rows > INDEXED_ROWS
    )
    if not wanted or not vectors.rows:
        return None
    from wiki_embeddings.stages import index_plan  # loads Arrow

    centroids = kept_centroids(context.instance, compute, vectors)
    if centroids is None:
        plan = index_plan.plan_centroids(vectors)
        centroids = materialize(plan, compute, listener, HUB_DATASET).manifest
    else:
        context.log.info(f"The centroids of {compute.files.where(centroids.folder)} are kept")
    plan = index_plan.plan_codes(vectors, centroids)
    return materialize(plan, compute, listener, HUB_DATASET).manifest


def kept_centroids(
    instance: dg.DagsterInstance, compute: Compute, vectors: Manifest
) -> Manifest | None:
    """Find the centroids of the last dataset by the same encoder, if they still serve.

    Returns:
        Their manifest; None if there is none, if lists have become uneven or recall too low with
        them, or if there are many more rows or fewer.
    """
    from wiki_embeddings.index_quality import read_quality  # these load Arrow
    from wiki_embeddings.stages.index_plan import wanted_lists
    from wiki_embeddings.stages.reuse import can_reuse

    earlier = earlier_manifests(instance, compute, HUB_DATASET, vectors.wiki, folder="")
    last = next((one for one in earlier if can_reuse(one, vectors.settings)), None)
    if last is None or "index" not in last.settings["hub"]:
        return None
    codes = manifest_if_unchanged(compute, **last.settings["hub"]["index"])
    if codes is None:
        return None
    centroids = manifest_if_unchanged(compute, **codes.settings["index"]["centroids"])
    if centroids is None or codes.upstream == vectors.as_upstream():
        return centroids  # of the same snapshot: the same index again
    quality = read_quality(compute.files, last.folder)
    if quality is None or quality.recall < LEAST_RECALL or quality.largest_list > MOST_UNEVEN:
        return None
    growth = wanted_lists(vectors.rows) / int(centroids.settings["centroids"]["lists"])
    return centroids if 1 / _MOST_GROWTH <= growth <= _MOST_GROWTH else None


def measure_index(compute: Compute, dataset: Manifest) -> dict[str, Any]:
    """Measure the index of a dataset for its card, unless that was done before.

    Returns:
        Metadata for Dagster; empty without an index.
    """
    if "index" not in dataset.settings["hub"]:
        return {}
    from wiki_embeddings import index_quality  # loads Arrow

    quality = index_quality.read_quality(compute.files, dataset.folder)
    if quality is None:
        quality = compute.change(index_quality.measure, dataset.folder)
    return {
        "index_recall_at_10": quality.recall,
        "index_lists": quality.lists,
        "index_largest_list": quality.largest_list,
    }


def index_finds_nearest(dataset: Manifest, compute: Compute) -> CheckResult:
    """Check that a search with the index finds what an exact one finds, and its lists are even."""
    if "index" not in dataset.settings["hub"]:
        return CheckResult(True, "It has no index: a search is exact, and finds them all.", {})
    from wiki_embeddings.index_quality import read_quality  # loads Arrow

    quality = read_quality(compute.files, dataset.folder)
    if quality is None:
        return CheckResult(False, "Its index was not measured: materialize hub_dataset again.", {})
    numbers = {
        "questions": quality.questions,
        "recall_at_10": quality.recall,
        "lists": quality.lists,
        "largest_list": quality.largest_list,
    }
    if quality.recall < LEAST_RECALL:
        return CheckResult(
            False,
            f"A search with the index finds {quality.recall:.1%} of the ten nearest passages, "
            f"fewer than {LEAST_RECALL:.0%}: the next snapshot gets new centroids.",
            numbers,
        )
    if quality.largest_list > MOST_UNEVEN:
        return CheckResult(
            False,
            f"A list of the index has {quality.largest_list:.1f} times the mean number of rows: "
            "the next snapshot gets new centroids.",
            numbers,
        )
    return CheckResult(True, f"It finds {quality.recall:.1%} of the ten nearest passages.", numbers)
