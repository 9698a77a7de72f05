"""What the app on Modal and its callers must agree on: names, container sizes, time limits."""

from __future__ import annotations

from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.encoders.models.languages import ENGLISH_MODEL, MULTILINGUAL_MODEL

APP = "wiki-embeddings"
VOLUME = "wiki-embeddings"
SECRET = "huggingface"  # noqa: S105 (the name of a secret, not one)
SECRET_KEY = "HF_TOKEN"  # noqa: S105 (the name of a variable, not a secret)

DEPLOY = "modal deploy -m wiki_embeddings.modal_app"

HOME = "/wiki-embeddings"
"""`WIKI_EMBEDDINGS_HOME` in a container: the models of the image, and the volume below it."""

MOUNT = f"{HOME}/volume"

QUERY_CONTAINER = ContainerSize(cores=1, memory_mib=2048)
"""Answers a question that needs neither the volume nor memory."""

CALL_CONTAINER = ContainerSize(cores=1, memory_mib=4096)
"""Calls a function on the volume: reads a few rows, talks to the Hub."""

FETCH_CONTAINER = ContainerSize(cores=2, memory_mib=8192)
"""Holds a part of an edition in memory to sort it: half a gigabyte of text, and its table."""

EXPORT_CONTAINER = ContainerSize(cores=8, memory_mib=16384)
"""Converts wikitext on all cores, each with some hundred megabytes."""

SCAN_CONTAINER = ContainerSize(cores=4, memory_mib=4096)
"""Hashes the finished shards of an earlier run."""

CHUNK_CONTAINER = ContainerSize(cores=1, memory_mib=2048)
DATASET_CONTAINER = ContainerSize(cores=2, memory_mib=4096)

UPLOAD_CONTAINER = ContainerSize(cores=2, memory_mib=4096)
"""Splits files by content, hashes and sends the pieces; never holds a whole file in memory."""

EMBED_CONTAINER = ContainerSize(cores=4, memory_mib=16384, gpu="A10")
EMBED_CPU_CONTAINER = ContainerSize(cores=8, memory_mib=8192)

_FAST_GPUS = ("H100", "H200", "B200", "B300")


def shards_in_hand(gpu: str) -> int:
    """Return how many shards a container embeds at once, so that its GPU need not wait.

    An H100 with bge-small did 4.2 M tokens/s with one shard in hand, 6.5 with two and 7.2 with four
    (docs/performance.md). With many slow GPUs, shards in hand are shards that no other computes.
    """
    return 4 if gpu.startswith(_FAST_GPUS) else 2


SHARD_MINUTES = 60
"""Time limit of one shard, many times what it takes; Modal's own default is 5 minutes."""

EXPORT_MINUTES = 360
"""Time limit of a file of an export: two gigabytes over one connection, then its conversion."""

CALL_MINUTES = 120
"""Time limit of a call that may wait for the Hub, whose rate limits count over an hour."""

BAKED_MODELS = (ENGLISH_MODEL, MULTILINGUAL_MODEL)
"""Default models of all editions; their weights are part of the images."""

TEI_IMAGE = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9.3"
"""Text Embeddings Inference, built for every GPU type that Modal has."""
