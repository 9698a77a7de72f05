"""The estimate of a run: what each asset takes, what that rests on, and what may be wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from wiki_embeddings.asset_keys import CHUNKED_VOLUME, EMBEDDINGS, HUB_DATASET, RAW_WIKIPEDIA
from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.prices import GPUS_AT_ONCE, ContainerSize
from wiki_embeddings.dataset_layout import INDEXED_ROWS
from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.estimate import figures
from wiki_embeddings.estimate.editions import Edition, find_edition
from wiki_embeddings.estimate.encoding import encoder_rate, find_shape
from wiki_embeddings.estimate.figures import Basis, Figure
from wiki_embeddings.estimate.index import RATES, count_index_work
from wiki_embeddings.estimate.options import RunOptions
from wiki_embeddings.estimate.schedule import schedule
from wiki_embeddings.estimate.workload import Workload, count_workload
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.volume import MiB

_DATASET_FILE_BYTES = 256 * MiB
_LOCAL_DOWNLOADS = 4
_FIRMEST_FIRST = get_args(Basis)


@dataclass(frozen=True)
class AssetEstimate:
    """What one asset takes.

    Attributes:
        asset: Its key.
        wall_s: Seconds from its start to its end, with the checks before and after its map.
        start_s: Seconds of them until containers work.
        tail_s: Seconds of them that would be saved if shards could be divided at will.
        containers: Containers that are started; 0 on this machine.
        container_s: Seconds of all containers, with those for which each is kept idle.
        gpu_s: Seconds of containers with a GPU.
        dollars: Price of the containers.
        stored_bytes: Bytes of its files on the volume.
        basis: The least firm of its rates.
        rests_on: Its rates, then the time until containers work.
    """

    asset: str
    wall_s: float
    start_s: float
    tail_s: float
    containers: int
    container_s: float
    gpu_s: float
    dollars: float
    stored_bytes: float
    basis: Basis
    rests_on: tuple[Figure, ...]


@dataclass(frozen=True)
class IndexEstimate:
    """What the index takes, as a part of `hub_dataset`.

    Attributes:
        wall_s: Seconds that it adds.
        container_s: Seconds of containers that it adds; 0 on this machine.
        dollars: Their price.
        published_bytes: Bytes that it adds to the published dataset.
        stored_bytes: Bytes that it adds on the volume, which keeps what it is made from.
        basis: The least firm of its rates.
    """

    wall_s: float
    container_s: float
    dollars: float
    published_bytes: float
    stored_bytes: float
    basis: Basis


@dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        options: Options of the run.
        workload: What it processes.
        assets: What each asset takes, in the order in which they are materialized.
        index: What the index takes of the last of them; None for a dataset that gets none by
            default.
        figures: Everything that the estimate rests on.
        caveats: What may be wrong about it, a sentence or two each.
    """

    options: RunOptions
    workload: Workload
    assets: tuple[AssetEstimate, ...]
    index: IndexEstimate | None
    figures: tuple[Figure, ...]
    caveats: tuple[str, ...]

    def total(self, field: str) -> float:
        """Return the sum of a field over the assets."""
        values: list[float] = [getattr(asset, field) for asset in self.assets]
        return sum(values)


def predict(options: RunOptions) -> Estimate:
    """Estimate a run.

    Raises:
        BadInputError: The wiki's size or the model's shape is not known, or the model does not read
            chunks of that length.
    """
    edition = find_edition(options.wiki, options.characters, options.articles)
    shape = find_shape(options.model_name)
    if options.token_budget > shape.max_length:
        raise BadInputError(
            f"A budget of {options.token_budget} tokens is too large: {options.model_name} reads "
            f"at most {shape.max_length}. Set --token-budget to {shape.max_length} or less."
        )
    work = count_workload(edition, options)
    index = _index(options, work, shape) if work.chunks > INDEXED_ROWS else None
    assets = (
        _raw_wikipedia(options, work),
        _chunked_volume(options, work),
        _embeddings(options, work, shape),
        _hub_dataset(options, work, shape, index),
    )
    rests_on = [edition.articles, edition.characters, edition.tokens_per_character]
    rests_on += [figure for asset in assets for figure in asset.rests_on]
    rests_on.append(_overhead(options))
    caveats = tuple(_caveats(options, edition, shape))
    return Estimate(options, work, assets, index, tuple(dict.fromkeys(rests_on)), caveats)


def _raw_wikipedia(options: RunOptions, work: Workload) -> AssetEstimate:
    """Each part is downloaded, then checked and written; the sample is converted instead."""
    stored = work.text_bytes * figures.TEXT_SHARE + work.articles * figures.ARTICLE_BYTES
    if options.wiki == SAMPLE_WIKI:
        part_s = work.characters / work.parts / figures.CONVERT.value
        return _asset(options, RAW_WIKIPEDIA, [part_s] * work.parts, [figures.CONVERT], stored)
    line = figures.MODAL_DOWNLOAD if options.on_modal else figures.LOCAL_DOWNLOAD
    sharing = 1 if options.on_modal else min(_LOCAL_DOWNLOADS, work.parts)
    part_s = work.file_bytes * figures.DOWNLOAD_SHARE.value * sharing / line.value
    part_s += work.text_bytes / work.parts / figures.READ_ARTICLES.value
    rates = [line, figures.DOWNLOAD_SHARE, figures.READ_ARTICLES]
    return _asset(options, RAW_WIKIPEDIA, [part_s] * work.parts, rates, stored)


def _chunked_volume(options: RunOptions, work: Workload) -> AssetEstimate:
    """Each shard is chunked by one core."""
    byte_s = work.characters / work.text_bytes / figures.CHUNK.value
    shards_s = [shard * byte_s for shard in work.shards]
    stored = work.text_bytes * figures.TEXT_SHARE + work.stored_tokens * figures.TOKEN_BYTES
    stored += work.chunks * figures.ROW_BYTES
    return _asset(options, CHUNKED_VOLUME, shards_s, [figures.CHUNK], stored)


def _embeddings(options: RunOptions, work: Workload, shape: ModelShape) -> AssetEstimate:
    """Each shard takes a whole container or machine. Reading and writing keep up with it."""
    rate = encoder_rate(options, work, shape)
    byte_s = work.encoded_tokens / work.text_bytes / rate.value
    shards_s = [shard * byte_s for shard in work.shards]
    vector = shape.hidden_size * _NUMBER_BYTES * figures.VECTOR_SHARE
    return _asset(options, EMBEDDINGS, shards_s, [rate], _row_bytes(work, vector))


def _hub_dataset(
    options: RunOptions, work: Workload, shape: ModelShape, index: IndexEstimate | None
) -> AssetEstimate:
    """Shards of embeddings are merged into larger files, each by one core."""
    stored = _row_bytes(work, shape.hidden_size * _NUMBER_BYTES)
    number = max(1, math.ceil(stored / _DATASET_FILE_BYTES))
    shards_s = [stored / number / figures.PUBLISH.value] * number
    files = _asset(options, HUB_DATASET, shards_s, [figures.PUBLISH], stored)
    if index is None:
        return files
    return replace(
        files,
        wall_s=files.wall_s + index.wall_s,
        container_s=files.container_s + index.container_s,
        dollars=files.dollars + index.dollars,
        stored_bytes=files.stored_bytes + index.stored_bytes,
        basis=max(files.basis, index.basis, key=_FIRMEST_FIRST.index),
        rests_on=(*files.rests_on, *RATES),
    )


def _index(options: RunOptions, work: Workload, shape: ModelShape) -> IndexEstimate:
    """A shard takes a whole container or machine; the containers of a map stay for the next."""
    on_modal, size = options.on_modal, _container_size(options, HUB_DATASET)
    start = figures.CPU_START if on_modal else figures.LOCAL_START
    index = count_index_work(
        work, shape.hidden_size, int(size.cores) if on_modal else options.cores
    )
    most = _parallelism(options, HUB_DATASET)[0] if on_modal else 1
    maps_s = [schedule(shards_s, start.value, most, 1) for shards_s in index.maps_s]
    container_s = sum(map(sum, maps_s)) if on_modal else 0.0
    return IndexEstimate(
        wall_s=sum(map(max, maps_s)),
        container_s=container_s,
        dollars=container_s * (size.dollars_per_s or 0.0),
        published_bytes=index.published_bytes,
        stored_bytes=index.stored_bytes,
        basis=_least_firm(RATES, on_modal),
    )


_NUMBER_BYTES = 2
"""Of a half-precision number. The published ones are not compressed."""


def _row_bytes(work: Workload, vector: float) -> float:
    """Return the bytes of all rows, whose vectors take so many bytes each."""
    return work.text_bytes * figures.TEXT_SHARE + work.chunks * (vector + figures.ROW_BYTES)


def _asset(
    options: RunOptions,
    asset: str,
    shards_s: Sequence[float],
    rates: Sequence[Figure],
    stored_bytes: float,
) -> AssetEstimate:
    """Schedule an asset's shards on its containers, or on this machine."""
    on_modal, size = options.on_modal, _container_size(options, asset)
    start = figures.CPU_START if on_modal else figures.LOCAL_START
    if size.gpu:
        start = figures.TEI_START if options.engine == "tei" else figures.GPU_START
    finishes_s = schedule(shards_s, start.value, *_parallelism(options, asset))
    started, wall_s = len(finishes_s), max(finishes_s)
    container_s = sum(finishes_s) + started * figures.IDLE_S if on_modal else 0.0
    return AssetEstimate(
        asset,
        wall_s=wall_s + _overhead(options).value,
        start_s=start.value,
        tail_s=max(0.0, wall_s - start.value - sum(shards_s) / started),
        containers=started if on_modal else 0,
        container_s=container_s,
        gpu_s=container_s if size.gpu else 0.0,
        dollars=container_s * (size.dollars_per_s or 0.0),  # no GPU without a price comes here
        stored_bytes=stored_bytes,
        basis=_least_firm(rates, on_modal),
        rests_on=(*rates, start),
    )


def _container_size(options: RunOptions, asset: str) -> ContainerSize:
    if options.on_gpu and asset == EMBEDDINGS:
        return replace(deployment.EMBED_CONTAINER, gpu=options.gpu_type)
    return {
        RAW_WIKIPEDIA: deployment.FETCH_CONTAINER,
        CHUNKED_VOLUME: deployment.CHUNK_CONTAINER,
        EMBEDDINGS: deployment.EMBED_CPU_CONTAINER,
        HUB_DATASET: deployment.DATASET_CONTAINER,
    }[asset]


def _parallelism(options: RunOptions, asset: str) -> tuple[int, int]:
    """Return the most containers, or local workers, and the shards that each has in hand."""
    if asset == EMBEDDINGS:
        return (options.max_containers, options.shards_in_hand) if options.on_modal else (1, 1)
    if options.on_modal:
        return options.cpu_containers or options.max_containers, 1
    is_download = asset == RAW_WIKIPEDIA and options.wiki != SAMPLE_WIKI
    return _LOCAL_DOWNLOADS if is_download else options.cores, 1


def _overhead(options: RunOptions) -> Figure:
    return figures.MODAL_OVERHEAD if options.on_modal else figures.LOCAL_OVERHEAD


def _least_firm(rates: Sequence[Figure], on_modal: bool) -> Basis:
    """Return the least firm basis; what was measured here only predicts Modal's machines."""
    bases: list[Basis] = [rate.basis for rate in rates]
    if on_modal and "measured" in bases:
        bases.append("predicted")
    return max(bases, key=_FIRMEST_FIRST.index)


def _caveats(options: RunOptions, edition: Edition, shape: ModelShape) -> Iterator[str]:
    if edition.tokens_per_character.basis == "assumed" and not shape.multilingual:
        yield (
            f"{options.model_name} has an English vocabulary, which makes more tokens of this text "
            "than assumed. intfloat/multilingual-e5-small has one for many languages."
        )
    starter, team = GPUS_AT_ONCE["Starter"], GPUS_AT_ONCE["Team"]
    if options.on_gpu and options.max_containers > starter:
        yield (
            f"Modal's free plan runs {starter} GPUs at once, the Team plan {team}: the other "
            "containers wait, and the time is longer."
        )
    if options.on_modal and options.cpu_containers is None:
        yield (
            "Each asset may use as many containers, as in `run`. The launchpad has a number for "
            "each; --cpu-containers sets that of the three without a GPU."
        )
    if options.on_modal:
        yield (
            "All containers are assumed to start at once; Modal's queue, the limits of your plan "
            "and preemptions are not modelled."
        )
        yield (
            "Dollars are for containers, each kept for a minute after its last shard. Storage, the "
            "checks between the maps, taxes and credits are not included."
        )
    if options.on_gpu:
        yield (
            "Not measured: any GPU but an H100, any container on Modal, any download from there. "
            "The time of the embeddings follows from the rate above alone; reading and writing are "
            "assumed to keep up with it."
        )
    else:
        yield "Not measured: any other processor than the one above, any whole edition."
