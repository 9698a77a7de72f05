"""What the lineage begins and ends with, besides the exports: datasets that others read or made.

Dagster materializes neither. The assets record what they have read or published, so that both have
a page with links, and a history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from wiki_embeddings.asset_keys import HUB_ARTICLES, HUB_DATASET, PUBLISHED_DATASET
from wiki_embeddings.defs.wikis import wikis
from wiki_embeddings.sources.protocol import WIKIMEDIA_WIKIPEDIA

_OWNERS = ["team:wiki-embeddings"]
_GROUP = "wikipedia"

hub_articles = dg.AssetSpec(
    HUB_ARTICLES,
    partitions_def=wikis,
    group_name=_GROUP,
    owners=_OWNERS,
    kinds={"huggingface", "parquet"},
    description="Articles in a dataset on the Hugging Face Hub, which raw_wikipedia reads instead "
    f"of Wikimedia's export if its source is hub: by default {WIKIMEDIA_WIKIPEDIA}, of November "
    "2023. Each reading is recorded with the dataset's name, its commit and a link.",
    metadata={
        "link": dg.MetadataValue.url(f"https://huggingface.co/datasets/{WIKIMEDIA_WIKIPEDIA}")
    },
)

published_dataset = dg.AssetSpec(
    PUBLISHED_DATASET,
    deps=[HUB_DATASET],
    partitions_def=wikis,
    group_name=_GROUP,
    owners=_OWNERS,
    kinds={"huggingface", "parquet"},
    description="What readers have: the dataset on the Hugging Face Hub, or in a folder of this "
    "machine if no namespace is set. Recorded when hub_dataset has published it.",
)


def record_hub_articles(context: dg.AssetExecutionContext, raw_settings: Mapping[str, Any]) -> None:
    """Record which dataset on the Hub the articles were read from; nothing for another source."""
    from wiki_embeddings.sources import hub

    name = str(raw_settings["source"])
    if "/" not in name:  # the names of the other sources have none, and those of datasets do
        return
    metadata = {
        "link": dg.MetadataValue.url(hub.page_of(name)),
        "dataset": name,
        "snapshot": str(raw_settings["snapshot"]),
        "revision": str(raw_settings["revision"]),
    }
    context.log_event(
        dg.AssetObservation(HUB_ARTICLES, partition=context.partition_key, metadata=metadata)
    )


def record_published(
    context: dg.AssetExecutionContext, digest: str, shown: Mapping[str, Any]
) -> None:
    """Record a dataset that readers have now.

    Args:
        context: The context of `hub_dataset`.
        digest: Digest of its manifest.
        shown: What `hub_dataset` records of it: its address on the Hub or its folder.
    """
    context.log_event(
        dg.AssetObservation(
            PUBLISHED_DATASET,
            partition=context.partition_key,
            metadata=shown,
            tags={"dagster/data_version": digest},
        )
    )
