"""The four stages of a run as work to hand out: what each shard takes, and what it leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from wiki_embeddings.compute.modal.deployment import (
    CUTTING,
    EMBEDDING,
    EMBEDDING_CPU,
    FETCHING,
    PUBLISHING,
)
from wiki_embeddings.compute.modal.prices import ContainerSize
from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.estimate import encoding, rates
from wiki_embeddings.estimate.editions import EDITIONS
from wiki_embeddings.estimate.encoding import flops_per_token
from wiki_embeddings.estimate.figures import Figure
from wiki_embeddings.estimate.question import Question
from wiki_embeddings.estimate.workload import Workload, workload_of
from wiki_embeddings.settings import SAMPLE_WIKI
from wiki_embeddings.volume import MiB

_FILE_BYTES = 256 * MiB
_LOCAL_DOWNLOADS = 4
_HALF_PRECISION_BYTES = 2


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes:
        asset: Key of the asset.
        machine: What a container for it reserves.
        durations_s: Seconds that each shard takes by itself.
        local_places: Shards that this machine makes at once.
        inputs: Shards that a container has in hand at once.
        start: Seconds until a container works, or a worker here.
        stored_bytes: Bytes that its files take.
        rests_on: The rates that its time follows from.
    """

    asset: str
    machine: ContainerSize
    durations_s: tuple[float, ...]
    local_places: int
    inputs: int
    start: Figure
    stored_bytes: float
    rests_on: tuple[Figure, ...]


def stages(
    question: Question, work: Workload, shape: ModelShape
) -> tuple[Stage, Stage, Stage, Stage]:
    """The stages of a run, in their order."""
    return (
        _raw_wikipedia(question, work),
        _chunked_volume(question, work),
        _embeddings(question, work, shape),
        _hub_dataset(question, work, shape),
    )


def _raw_wikipedia(question: Question, work: Workload) -> Stage:
    """Each part is downloaded, then checked and written; the sample is converted instead."""
    stored = work.text_bytes * rates.TEXT_SHARE + work.articles * rates.ARTICLE_BYTES
    rests_on: tuple[Figure, ...] = (rates.CONVERT,)
    places = question.cores
    if question.wiki == SAMPLE_WIKI:
        part_s = work.characters / len(work.parts) / rates.CONVERT.value
    else:
        places = _LOCAL_DOWNLOADS
        line = rates.CLOUD_DOWNLOAD if question.on_modal else rates.LOCAL_DOWNLOAD
        sharing = 1 if question.on_modal else min(places, len(work.parts))
        rests_on = (line, rates.DOWNLOAD_SHARE, rates.READ_ARTICLES)
        part_s = work.file_bytes * rates.DOWNLOAD_SHARE.value * sharing / line.value
        part_s += work.parts[0] / rates.READ_ARTICLES.value
    return Stage(
        "raw_wikipedia",
        FETCHING,
        (part_s,) * len(work.parts),
        places,
        1,
        _start(question),
        stored,
        rests_on,
    )


def _chunked_volume(question: Question, work: Workload) -> Stage:
    """Each shard is cut by one core."""
    byte_s = work.characters / work.text_bytes / rates.CUT.value
    stored = (
        work.text_bytes * rates.TEXT_SHARE
        + work.stored_tokens * rates.TOKEN_BYTES
        + work.chunks * rates.ROW_BYTES
    )
    return Stage(
        "chunked_volume",
        CUTTING,
        tuple(shard * byte_s for shard in work.shards),
        question.cores,
        1,
        _start(question),
        stored,
        (rates.CUT,),
    )


def _embeddings(question: Question, work: Workload, shape: ModelShape) -> Stage:
    """Each shard takes the whole container or machine. Reading and writing keep up with it."""
    rate = encoder_rate(question, work, shape)
    byte_s = work.encoded_tokens / work.text_bytes / rate.value
    machine = replace(EMBEDDING, gpu=question.gpu_type) if question.on_gpu else EMBEDDING_CPU
    start = _start(question)
    if question.on_gpu:
        start = rates.TEI_START if question.engine == "tei" else rates.GPU_START
    return Stage(
        "embeddings",
        machine,
        tuple(shard * byte_s for shard in work.shards),
        1,
        question.inputs_per_container,
        start,
        _vectors_bytes(work, shape),
        (rate,),
    )


def _hub_dataset(question: Question, work: Workload, shape: ModelShape) -> Stage:
    """Shards of embeddings are put together into larger files, each by one core."""
    stored = _vectors_bytes(work, shape)
    files = max(1, math.ceil(stored / _FILE_BYTES))
    return Stage(
        "hub_dataset",
        PUBLISHING,
        (stored / files / rates.PUBLISH.value,) * files,
        question.cores,
        1,
        _start(question),
        stored,
        (rates.PUBLISH,),
    )


def encoder_rate(question: Question, work: Workload, shape: ModelShape) -> Figure:
    """Tokens a second that one container encodes, or this machine."""
    flops = flops_per_token(shape, work.attended)
    if question.tokens_per_s is not None:
        what = "tokens/s of one container" if question.on_modal else "tokens/s of this machine"
        return Figure(question.tokens_per_s, what, "given", "as you say")
    if not question.on_gpu:
        cores = EMBEDDING_CPU.cores if question.on_modal else question.cores
        return encoding.cpu_rate(cores, flops)
    if question.engine == "tei":
        return encoding.tei_rate(question.gpu_type, flops, _article())
    share = encoding.UTILIZATION
    if question.utilization is not None:
        share = replace(share, value=question.utilization, basis="given", source="as you say")
    return encoding.gpu_rate(question.gpu_type, flops, share)


def _article() -> tuple[float, float]:
    """Tokens to a character, and operations to a token, of the run that the article published.

    Its chunks were others than ours; that our chunks of the same text would have gone through at as
    many characters a second is what is supposed.
    """
    usual = Question()
    work = workload_of(
        EDITIONS["en"],
        fraction=1.0,
        token_budget=usual.token_budget,
        title_prefix=usual.title_prefix,
        shard_bytes=usual.shard_bytes,
    )
    shape = encoding.shape_of(usual.model_name)
    return work.encoded_tokens / work.characters, flops_per_token(shape, work.attended)


def _vectors_bytes(work: Workload, shape: ModelShape) -> float:
    """Bytes of the embeddings; what is published has the same rows."""
    vector = shape.hidden_size * _HALF_PRECISION_BYTES * rates.VECTOR_SHARE
    return work.text_bytes * rates.TEXT_SHARE + work.chunks * (vector + rates.ROW_BYTES)


def _start(question: Question) -> Figure:
    return rates.CPU_START if question.on_modal else rates.LOCAL_START
