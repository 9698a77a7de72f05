"""The keys of the four Dagster assets, in the order in which each is made from the one before.

Before them is what they are made from, and after them what readers have; both are only observed.
"""

from __future__ import annotations

WIKIPEDIA_EXPORT = "wikipedia_export"
HUB_ARTICLES = "hub_articles"
RAW_WIKIPEDIA = "raw_wikipedia"
CHUNKED_VOLUME = "chunked_volume"
EMBEDDINGS = "embeddings"
HUB_DATASET = "hub_dataset"
PUBLISHED_DATASET = "published_dataset"

ASSET_KEYS = (RAW_WIKIPEDIA, CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET)
