"""The keys of the four Dagster assets, in the order in which each is made from the one before."""

from __future__ import annotations

RAW_WIKIPEDIA = "raw_wikipedia"
CHUNKED_VOLUME = "chunked_volume"
EMBEDDINGS = "embeddings"
HUB_DATASET = "hub_dataset"

ASSET_KEYS = (RAW_WIKIPEDIA, CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET)
