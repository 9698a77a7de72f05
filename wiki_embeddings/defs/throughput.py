"""Records next to the vectors how fast they were computed, for the dataset's card.

Not in the manifest, which holds only what decides the content: the same vectors made on another day
have the same manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.volume import canonical_json, throughput_record

if TYPE_CHECKING:
    from wiki_embeddings.compute.protocol import Compute
    from wiki_embeddings.defs.materialize import Materialized

_DIGITS = 1
"""Decimals of a rate; more would be false precision."""


def record_throughput(compute: Compute, vectors: Materialized) -> None:
    """Record how fast a run computed vectors, unless an earlier run computed more of them.

    A run that took over vectors says little about it and records nothing.

    Raises:
        WikiEmbeddingsError: The record cannot be stored.
    """
    from wiki_embeddings.publishing.publication import read_throughput  # these load Arrow
    from wiki_embeddings.stages.reuse import REUSED

    progress, usage = vectors.progress, vectors.progress.usage
    made = progress.done - progress.reused
    if not made or vectors.manifest.effort(REUSED):
        return
    earlier = read_throughput(compute.files, vectors.manifest.folder)
    if earlier and earlier["passages"] > made:
        return
    record = {
        "passages": made,
        "passages_per_second": round(progress.rate, _DIGITS),
        **{
            f"{name}_per_second": round(progress.throughput.get(name, 0.0), _DIGITS)
            for name in ("tokens", "characters")
        },
        "seconds": round(progress.seconds, _DIGITS),
        "machine": compute.name,
        "gpu": usage.gpu if usage else "",
        "dollars": round(usage.dollars, 4) if usage and usage.dollars is not None else None,
        "prices_as_of": PRICES_AS_OF,
    }
    compute.files.write_bytes(throughput_record(vectors.manifest.folder), canonical_json(record))
