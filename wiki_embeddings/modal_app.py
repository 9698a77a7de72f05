"""The Modal app: the same stages as on a laptop, as functions over one volume.

Deploy it with

    modal deploy -m wiki_embeddings.modal_app

and set `WIKI_EMBEDDINGS_COMPUTE=modal` where Dagster runs. From then on an asset calls one of the
functions below, once a shard:

    raw_wikipedia    fetch_part         the parts of an edition, side by side
    chunked_volume   cut_shard
    embeddings       Embedder.embed     on GPUs; the model is loaded once a container
    hub_dataset      make_file, upload_file     to the Hub, if it is to go there

What goes over the network is a spec of a shard and a report of it, some kilobytes at most. Texts
and vectors never leave the volume. docs/modal.md tells what it costs, and what happens when
something breaks.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import modal
import modal.experimental

from wiki_embeddings import encoders, settings
from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.code_version import SHIPPED_SUFFIXES, code_version
from wiki_embeddings.compute.modal.container import (
    Refusal,
    ShardResult,
    VolumeView,
    look_up,
    make_shard,
    or_refused,
)
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing import upload
from wiki_embeddings.publishing.account import HubAccount, look_up_account
from wiki_embeddings.stages import chunk, dataset, embed, fetch, finished_shards
from wiki_embeddings.volume import Volume

app = modal.App(deployment.APP, include_source=False)

# One volume holds everything. Version 2, because hundreds of containers write to it at once.
volume = modal.Volume.from_name(deployment.VOLUME, create_if_missing=True, version=2)

# HF_TOKEN: for the Hub's rate limits, for what it shows to its users only, and for publishing.
huggingface = modal.Secret.from_name(deployment.SECRET, required_keys=[deployment.SECRET_KEY])


# ---- Images: releases pinned by version and hash, the weights baked in, the source added last.

_REQUIREMENTS = (settings.project_root() or Path()) / "requirements"


def pinned(image: modal.Image, *names: str) -> modal.Image:
    """Install the releases that the project's own lists of hashes pin, and nothing beside them."""
    for name in names:
        image = image.pip_install_from_requirements(
            str(_REQUIREMENTS / name), extra_options="--no-deps"
        )
    return image


def bake_weights(model: str, revision: str) -> None:
    """Runs while an image is built: fetches a model, and checks it, where containers look first."""
    resolve(model, revision)


def with_weights(image: modal.Image) -> modal.Image:
    """Bake in the default model of English editions; the sample's comes with data.txt.

    The commit is an argument, so that an image is built again when another one is pinned.
    """
    revision = KNOWN_MODELS[deployment.BAKED_MODEL].revision
    return image.run_function(
        bake_weights, args=(deployment.BAKED_MODEL, revision), secrets=[huggingface]
    )


def with_source(image: modal.Image) -> modal.Image:
    """Add this package as it is here when the app is deployed: the last layer, and a quick one."""
    return image.add_local_python_source(
        "wiki_embeddings", ignore=lambda path: path.suffix not in SHIPPED_SUFFIXES
    )


python = modal.Image.debian_slim(python_version="3.11").env(
    {"WIKI_EMBEDDINGS_HOME": deployment.HOME}
)

# Stages that need no GPU, and the processor's encoder. Without Dagster, which stays at home.
cpu_image = python.pipe(pinned, "cloud.txt", "data.txt").pipe(with_weights)

# The GPU's encoder: the same, and PyTorch with its CUDA libraries.
gpu_image = python.pipe(pinned, "cloud.txt", "data.txt", "gpu.txt").pipe(with_weights)

# Text Embeddings Inference as Hugging Face ships it; Python is added to it. Its entrypoint chooses
# the build for the GPU that it finds, and would do so before there is a model to serve: it becomes
# the command that our encoder starts.
tei_image = (
    modal.Image.from_registry(deployment.TEI_IMAGE, add_python="3.11")
    .entrypoint([])
    .run_commands("ln -s /entrypoint.sh /usr/local/bin/text-embeddings-router")
    .env({"WIKI_EMBEDDINGS_HOME": deployment.HOME})
    .pipe(pinned, "cloud.txt", "data.txt")
    .pipe(with_weights)
)


# ---- What a container does around a shard.


@cache
def view() -> VolumeView:
    """This container's view of the volume, shared by all that it has in hand."""
    leave = modal.experimental.stop_fetching_inputs
    return VolumeView(volume, Volume(settings.load().volume), leave)


def in_containers(machine: ContainerSize, image: modal.Image, **options: Any) -> dict[str, Any]:
    """What all functions have in common; a run's config overrides the number of containers."""
    return {
        "image": image.pipe(with_source),
        "cpu": machine.limits,
        "memory": machine.memory_mib,
        "gpu": machine.gpu or None,
        "volumes": {deployment.MOUNT: volume},
        "secrets": [huggingface],
        "timeout": deployment.SHARD_MINUTES * 60,
        # For what another try may mend. What can never work is reported, not raised.
        "retries": modal.Retries(max_retries=2, initial_delay=2.0),
        **options,
    }


# ---- Stages without a GPU.


@app.function(**in_containers(deployment.FETCHING, cpu_image, max_containers=50))
def fetch_part(spec: fetch.FetchSpec, reload_token: str) -> ShardResult:
    """Fetch one part of an edition."""
    return make_shard(view(), reload_token, fetch.fetch_part, spec)


@app.function(**in_containers(deployment.CUTTING, cpu_image, max_containers=50))
def chunk_shard(spec: chunk.ChunkSpec, reload_token: str) -> ShardResult:
    """Cut the articles of one shard into chunks."""
    return make_shard(view(), reload_token, chunk.chunk_shard, spec)


@app.function(**in_containers(deployment.PUBLISHING, cpu_image, max_containers=50))
def make_dataset_file(spec: dataset.DatasetSpec, reload_token: str) -> ShardResult:
    """Make one file of the dataset."""
    return make_shard(view(), reload_token, dataset.make_dataset_file, spec)


# Few at once: the line to the Hub is shared, and it limits requests.
@app.function(**in_containers(deployment.UPLOADING, cpu_image, max_containers=10))
def upload_file(spec: upload.UploadSpec, reload_token: str) -> ShardResult:
    """Upload one file of the dataset to the Hub, where it waits to be named."""
    return make_shard(view(), reload_token, upload.upload_file, spec)


# ---- Embedding. `with_options` changes GPU type and number of containers without deploying again.


class Embedding:
    """Embeds shards with one model: what all three classes below do.

    Each of them declares the parameters itself, because Modal does not look for them here.
    """

    model: str
    revision: str
    engine: str
    precision: str

    @modal.enter()
    def load(self) -> None:
        """Load the model once a container, before its first shard comes."""
        # A container that fails to start is started again without end; the first call meets the
        # same refusal, and reports it.
        with suppress(WikiEmbeddingsError):
            info = self._info()
            embed.encoder_of(info.model, info.revision, info.engine, info.precision)

    @modal.method()
    def describe(self) -> EncoderInfo | Refusal:
        """What the encoder is here, where the vectors will be computed."""
        return or_refused(self._info)

    @modal.method()
    def embed(self, spec: embed.EmbedSpec, reload_token: str) -> ShardResult:
        """Embed the chunks of one shard."""
        return make_shard(view(), reload_token, embed.embed_shard, spec)

    def _info(self) -> EncoderInfo:
        return encoders.describe(
            self.model,
            self.engine,
            revision=self.revision or None,
            precision=self.precision or None,
        )


# Two shards in hand at once: one is read or written while the other is computed.
@app.cls(**in_containers(deployment.EMBEDDING, gpu_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class Embedder(Embedding):
    """PyTorch on a GPU."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


@app.cls(**in_containers(deployment.EMBEDDING, tei_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class TeiEmbedder(Embedding):
    """Text Embeddings Inference on a GPU."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


@app.cls(**in_containers(deployment.EMBEDDING_CPU, cpu_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class CpuEmbedder(Embedding):
    """ONNX Runtime on processor cores."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


# ---- Questions, before and between the maps.


@app.function(**in_containers(deployment.ASKING, cpu_image))
@modal.concurrent(max_inputs=8)
def ask(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], reload_token: str
) -> Any:
    """Call a function of a stage that reads the volume, such as what a check asks."""
    return look_up(view(), reload_token, function, *args, **kwargs)


@app.function(**in_containers(deployment.TALKING, cpu_image, timeout=deployment.HUB_MINUTES * 60))
def ask_hub(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], reload_token: str
) -> Any:
    """Call a function that talks with the Hub, as publishing does; it has the token for that."""
    return look_up(view(), reload_token, function, *args, **kwargs)


@app.function(**in_containers(deployment.STOCKTAKING, cpu_image))
def record_finished_shards(folder: str, reload_token: str, *, thorough: bool) -> int:
    """Write down which shards of an output are finished, so that only the rest is mapped."""
    with view().as_of(reload_token) as mounted:
        finished = finished_shards.record_finished_shards(mounted, folder, thorough=thorough)
        view().commit()
    return finished


@app.function(**in_containers(deployment.ASKING, cpu_image))
def handshake() -> str:
    """Which version of the code runs here; a run compares it with its own before it begins."""
    return code_version()


@app.function(**in_containers(deployment.ASKING, cpu_image))
def hub_account() -> HubAccount:
    """Whose Hugging Face token the secret holds, and what it may do."""
    return look_up_account()
