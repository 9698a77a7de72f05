"""How fast vectors were computed: kept beside them, for the card of the dataset.

Not in the manifest, which holds only what decides the content: the same vectors made on another
day have the same manifest.
"""

from __future__ import annotations

from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.defs.materialize import Materialized
from wiki_embeddings.publishing.publication import read_throughput
from wiki_embeddings.volume import canonical_json, throughput_record

_DIGITS = 1
"""After the point: a rate is known no better."""


def record_throughput(compute: Compute, outcome: Materialized) -> None:
    """Write down how fast a run has computed vectors, unless an earlier one has computed more.

    Raises:
        WikiEmbeddingsError: It cannot be stored.
    """
    progress, usage = outcome.progress, outcome.progress.usage
    made = progress.done - progress.reused
    earlier = read_throughput(compute.files, outcome.manifest.folder)
    if not made or (earlier and earlier["passages"] > made):
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
        "dollars": round(usage.dollars, 4) if usage else None,
        "prices_as_of": PRICES_AS_OF,
    }
    compute.files.write_bytes(throughput_record(outcome.manifest.folder), canonical_json(record))
