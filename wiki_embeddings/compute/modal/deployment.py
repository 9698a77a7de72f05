"""What the app on Modal and those who call it must agree on: names, and sizes of containers."""

from __future__ import annotations

from wiki_embeddings.compute.modal.prices import ContainerSize

APP = "wiki-embeddings"
VOLUME = "wiki-embeddings"
SECRET = "huggingface"  # noqa: S105 (the name of a secret, not one)
SECRET_KEY = "HF_TOKEN"  # noqa: S105 (likewise)

DEPLOY = "modal deploy -m wiki_embeddings.modal_app"

HOME = "/wiki-embeddings"
"""`WIKI_EMBEDDINGS_HOME` in a container: the models of the image, and the volume below it."""

MOUNT = f"{HOME}/volume"

ASKING = ContainerSize(cores=1, memory_mib=2048)
"""For questions about what lies on the volume."""

FETCHING = ContainerSize(cores=2, memory_mib=8192)
"""Holds a part of an edition in memory to sort it: half a gigabyte of text, and its table."""

STOCKTAKING = ContainerSize(cores=4, memory_mib=4096)
"""Hashes what an earlier run has finished."""

CUTTING = ContainerSize(cores=1, memory_mib=2048)
PUBLISHING = ContainerSize(cores=2, memory_mib=4096)

UPLOADING = ContainerSize(cores=2, memory_mib=4096)
"""Cuts files into pieces by content, hashes and sends them; a file is never in memory whole."""

TALKING = ContainerSize(cores=1, memory_mib=4096)
"""For what is agreed with the Hub, and for reading a few rows back from it."""

EMBEDDING = ContainerSize(cores=4, memory_mib=16384, gpu="A10G")
EMBEDDING_CPU = ContainerSize(cores=8, memory_mib=8192)

SHARD_MINUTES = 60
"""Time limit of one shard, many times what it takes; Modal's own default is 5 minutes."""

HUB_MINUTES = 120
"""Time limit of what is agreed with the Hub, whose limits are counted over an hour."""

BAKED_MODEL = "BAAI/bge-small-en-v1.5"
"""Default model of English editions, whose weights are part of the images."""

TEI_IMAGE = "ghcr.io/huggingface/text-embeddings-inference:cuda-1.9.3"
"""Text Embeddings Inference, built for every GPU type that Modal has."""
