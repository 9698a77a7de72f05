"""The Modal app: the same stages as on a laptop, as functions over one volume.

Deploy it with

    modal deploy -m wiki_embeddings.modal_app

and set `WIKI_EMBEDDINGS_COMPUTE=modal` where Dagster runs. From then on an asset calls one of the
functions below once per shard:

    raw_wikipedia    fetch_export_file    the files of Wikimedia's export, two at a time
                     fetch_part           the parts of any other source, in parallel
    chunked_volume   chunk_shard
    embeddings       Embedder.embed       on GPUs; each container loads the model once
    hub_dataset      make_dataset_file    and, to publish on the Hub, upload_file

A spec of a shard and a report of it, some kilobytes at most, are all that crosses the network:
texts and vectors never leave the volume. docs/modal.md says what it costs, and what happens when
something breaks.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import modal

from wiki_embeddings import encoders, settings
from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.calls import CallRecord
from wiki_embeddings.compute.modal.code_version import SHIPPED_SUFFIXES, code_version
from wiki_embeddings.compute.modal.container import (
    Refusal,
    ShardResult,
    VolumeView,
    call_on_volume,
    catch_refusal,
    make_shard,
)
from wiki_embeddings.compute.modal.map_calls import stop_fetching_inputs
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.publishing import upload
from wiki_embeddings.publishing.account import HubAccount, look_up_account
from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings.stages import chunk, dataset, embed, fetch, finished_shards
from wiki_embeddings.volume import Volume

app = modal.App(deployment.APP, include_source=False)

# One volume holds everything. Version 2, because hundreds of containers write to it at once.
volume = modal.Volume.from_name(deployment.VOLUME, create_if_missing=True, version=2)

# HF_TOKEN: for the Hub's rate limits, for datasets that need a sign-in, and for publishing.
huggingface = modal.Secret.from_name(deployment.SECRET, required_keys=[deployment.SECRET_KEY])


# ---- Images: releases pinned by version and hash, then the weights, the source last.

_REQUIREMENTS = (settings.project_root() or Path()) / "requirements"


def pinned(image: modal.Image, *names: str) -> modal.Image:
    """Install exactly the releases that the project's requirement files pin by hash."""
    for name in names:
        image = image.pip_install_from_requirements(
            str(_REQUIREMENTS / name), extra_options="--no-deps"
        )
    return image


def bake_weights(model: str, revision: str) -> None:
    """Fetch and verify a model, while an image is built, where containers look for it first."""
    resolve(model, revision)


def with_weights(image: modal.Image) -> modal.Image:
    """Bake in the default models of editions; the sample's is a package of data.txt.

    Each has a layer of its own. The commit is an argument, so that pinning another one builds the
    layer again.
    """
    for model in deployment.BAKED_MODELS:
        revision = KNOWN_MODELS[model].revision
        image = image.run_function(bake_weights, args=(model, revision), secrets=[huggingface])
    return image


def with_source(image: modal.Image) -> modal.Image:
    """Add this package as of the deployment, and its address: the last layers, and quick ones."""
    with_address = image.env({"WIKI_EMBEDDINGS_CODE_URL": settings.code_url() or ""})
    return with_address.add_local_python_source(
        "wiki_embeddings", ignore=lambda path: path.suffix not in SHIPPED_SUFFIXES
    )


python = modal.Image.debian_slim(python_version="3.11").env(
    {"WIKI_EMBEDDINGS_HOME": deployment.HOME}
)

# The stages without a GPU, and the encoder for CPUs. No Dagster: it does not run on Modal.
cpu_image = python.pipe(pinned, "cloud.txt", "data.txt").pipe(with_weights)

# The encoder for GPUs: the same, plus PyTorch with its CUDA libraries.
gpu_image = python.pipe(pinned, "cloud.txt", "data.txt", "gpu.txt").pipe(with_weights)

# Text Embeddings Inference as Hugging Face ships it, plus Python. Its entrypoint, which picks the
# build for the container's GPU and serves at once, becomes the command that our encoder starts when
# there is a model to serve.
tei_image = (
    modal.Image.from_registry(deployment.TEI_IMAGE, add_python="3.11")
    .entrypoint([])
    .run_commands("ln -s /entrypoint.sh /usr/local/bin/text-embeddings-router")
    .env({"WIKI_EMBEDDINGS_HOME": deployment.HOME})
    .pipe(pinned, "cloud.txt", "data.txt")
    .pipe(with_weights)
)


# ---- What all functions share.


@cache
def view() -> VolumeView:
    """Return this container's view of the volume, shared by all inputs that it works on."""
    return VolumeView(volume, Volume(settings.load().volume), stop_fetching_inputs)


def in_containers(size: ContainerSize, image: modal.Image, **options: Any) -> dict[str, Any]:
    """Return the options of a function; a run's config overrides the number of containers."""
    return {
        "image": image.pipe(with_source),
        "cpu": size.cpu,
        "memory": size.memory_mib,
        "gpu": size.gpu or None,
        "volumes": {deployment.MOUNT: volume},
        "secrets": [huggingface],
        "timeout": deployment.SHARD_MINUTES * 60,
        # For failures that a retry may fix. Permanent failures are returned, not raised.
        "retries": modal.Retries(max_retries=2, initial_delay=2.0),
        **options,
    }


# ---- Stages without a GPU.


@app.function(**in_containers(deployment.FETCH_CONTAINER, cpu_image, max_containers=50))
def fetch_part(spec: fetch.FetchSpec, reload_token: str) -> ShardResult:
    """Fetch one part of an edition."""
    return make_shard(view(), reload_token, fetch.fetch_part, spec)


# Wikimedia allows few connections, and each container has one. No run overrides this number, and
# the runs of all wikis share it.
@app.function(
    **in_containers(
        deployment.EXPORT_CONTAINER,
        cpu_image,
        max_containers=FILE_CONNECTIONS,
        timeout=deployment.EXPORT_MINUTES * 60,
    )
)
def fetch_export_file(spec: fetch.FetchSpec, reload_token: str) -> ShardResult:
    """Fetch one file of Wikimedia's export, and convert it."""
    return make_shard(view(), reload_token, fetch.fetch_part, spec)


@app.function(**in_containers(deployment.CHUNK_CONTAINER, cpu_image, max_containers=50))
def chunk_shard(spec: chunk.ChunkSpec, reload_token: str) -> ShardResult:
    """Split the articles of one shard into chunks."""
    return make_shard(view(), reload_token, chunk.chunk_shard, spec)


@app.function(**in_containers(deployment.DATASET_CONTAINER, cpu_image, max_containers=50))
def make_dataset_file(spec: dataset.DatasetSpec, reload_token: str) -> ShardResult:
    """Make one file of the dataset."""
    return make_shard(view(), reload_token, dataset.make_dataset_file, spec)


# Few at once: the Hub limits the requests of an account.
@app.function(**in_containers(deployment.UPLOAD_CONTAINER, cpu_image, max_containers=10))
def upload_file(spec: upload.UploadSpec, reload_token: str) -> ShardResult:
    """Upload one file of the dataset to the Hub, where a later commit adds it."""
    return make_shard(view(), reload_token, upload.upload_file, spec)


# ---- Embedding. `with_options` changes GPU type and number of containers without a new deployment.


class Embedding:
    """Embeds shards with one model: the methods of the three classes below.

    Each of them declares the parameters itself, because Modal does not look for inherited ones.
    """

    model: str
    revision: str
    engine: str
    precision: str

    @modal.enter()
    def load(self) -> None:
        """Load the model once per container, before its first shard."""
        # Modal would restart a container that fails here without end. The first call meets the
        # same error, and reports it.
        with suppress(WikiEmbeddingsError):
            info = self._info()
            embed.loaded_encoder(info.model, info.revision, info.engine, info.precision)

    @modal.method()
    def describe(self) -> EncoderInfo | Refusal:
        """Describe the encoder of this container."""
        return catch_refusal(self._info)

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


# Two shards at once: one is read or written while the other is computed.
@app.cls(**in_containers(deployment.EMBED_CONTAINER, gpu_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class Embedder(Embedding):
    """PyTorch on a GPU."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


@app.cls(**in_containers(deployment.EMBED_CONTAINER, tei_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class TeiEmbedder(Embedding):
    """Text Embeddings Inference on a GPU."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


@app.cls(**in_containers(deployment.EMBED_CPU_CONTAINER, cpu_image, max_containers=50))
@modal.concurrent(max_inputs=2)
class CpuEmbedder(Embedding):
    """ONNX Runtime on CPU cores."""

    model: str = modal.parameter()
    revision: str = modal.parameter(default="")
    engine: str = modal.parameter(default="auto")
    precision: str = modal.parameter(default="")


# ---- Calls before, between and after the maps.


# One call per container: a function that waits for the Hub must not hold up a reload for others.
@app.function(
    **in_containers(deployment.CALL_CONTAINER, cpu_image, timeout=deployment.CALL_MINUTES * 60)
)
def call_function(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    reload_token: str,
    *,
    commit: bool,
) -> Any:
    """Call a function on the volume, such as a check, or a step of publishing on the Hub."""
    return call_on_volume(view(), reload_token, function, *args, commit=commit, **kwargs)


@app.function(**in_containers(deployment.SCAN_CONTAINER, cpu_image))
def record_finished_shards(
    folder: str, reload_token: str, *, thorough: bool, unless_at_work: bool
) -> int | None:
    """Record which shards of an output are finished, so that only the rest is mapped.

    With `unless_at_work`, returns None and does nothing if a run may be at work on the output.
    """
    with view().reloaded(reload_token) as mounted:
        if unless_at_work and CallRecord(mounted, folder).names_a_call():
            return None
        finished = finished_shards.record_finished_shards(mounted, folder, thorough=thorough)
        view().commit()
    return finished


@app.function(**in_containers(deployment.QUERY_CONTAINER, cpu_image))
def handshake() -> str:
    """Return the version of the deployed code, which a run first compares with its own."""
    return code_version()


@app.function(**in_containers(deployment.QUERY_CONTAINER, cpu_image))
def hub_account() -> HubAccount:
    """Return the account of the Hugging Face token in the secret, and its permissions."""
    return look_up_account()
