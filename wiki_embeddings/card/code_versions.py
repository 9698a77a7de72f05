"""Which code made a dataset, by the numbers that people raise."""

from __future__ import annotations

from wiki_embeddings.manifest import Manifest


def stage_versions(vectors: Manifest) -> dict[str, str]:
    """Version of each stage that made some embeddings, as their manifest has it."""
    raw, chunks, made = (vectors.settings[stage] for stage in ("raw", "chunks", "embeddings"))
    return {"fetch": raw["version"], "chunk": chunks["version"], "embed": made["version"]}
