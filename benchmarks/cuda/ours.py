"""Measures our encoder: shards from disk to disk, and the processor's part of that."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from benchmarks.cuda.chip import synchronize
from benchmarks.cuda.work import SHARD_PASSAGES, Work, ignore_progress, remove_folder
from wiki_embeddings.encoders.batching import batch_end
from wiki_embeddings.encoders.cuda import encoder as cuda
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder
from wiki_embeddings.encoders.cuda.operations import PackedBatch
from wiki_embeddings.encoders.cuda.packing import pack_passages
from wiki_embeddings.encoders.cuda.torch_bert import TorchBert, encode_batch, upload_batch
from wiki_embeddings.encoders.engines import TABLE
from wiki_embeddings.encoders.sequences import SequenceBuilder
from wiki_embeddings.stages import embed
from wiki_embeddings.stages.shard import Report, read_input

SHARDS_IN_HAND = TABLE["cuda"].shards_in_hand
"""As in the pipeline: others are read, checked or written while one is computed."""

_turns = itertools.count()


@dataclass(frozen=True)
class Embedded:
    """The result of embedding all shards of some work.

    Attributes:
        seconds: Wall time, from stored token ids to vectors on the disk.
        bytes: Size of the written files.
    """

    seconds: float
    bytes: int


def embed_all(encoder: CudaEncoder, work: Work, in_hand: int = SHARDS_IN_HAND) -> Embedded:
    """Embed all shards with the stage itself, several at once."""
    output = f"sample/turns/{next(_turns)}"
    specs = [
        replace(spec, folder=f"{output}/embeddings")
        for spec in embed.plan(work.chunks, encoder.info).specs
    ]

    def make(spec: embed.EmbedSpec) -> Report:
        return embed.embed_shard(spec, work.volume, ignore_progress, encoder)

    begun = time.perf_counter()
    with ThreadPoolExecutor(in_hand) as shards:
        files = [report.file for report in shards.map(make, specs)]
    seconds = time.perf_counter() - begun
    remove_folder(work.volume, output)
    if sum(file.rows for file in files) != work.passages:
        raise RuntimeError("Some passages have no vector.")
    return Embedded(seconds, sum(file.bytes for file in files))


def time_model(encoder: CudaEncoder, work: Work) -> float:
    """Return the seconds that the model alone takes for all shards: what disk to disk could reach.

    Measured with one shard, whose batches are on the device before the clock starts.
    """
    (spec, *_) = embed.plan(work.chunks, encoder.info).specs
    tokens = embed.stored_tokens(read_input(work.volume, spec.chunks, "chunked_volume"))
    sequences = pack_passages(tokens, SequenceBuilder(encoder._model), encoder._model)
    ends = sequences.offsets[1:]
    batches = []
    begin = 0
    while begin < len(ends):
        batch = slice(begin, batch_end(ends, begin, encoder._token_budget))
        batches.append(upload_batch(sequences, batch, encoder._device))
        begin = batch.stop
    synchronize(encoder._device.type)
    begun = time.perf_counter()
    with torch.inference_mode():
        for uploaded in batches:
            encode_batch(encoder._bert, uploaded)
    synchronize(encoder._device.type)
    return (time.perf_counter() - begun) * len(work.chunks.files)


@dataclass(frozen=True)
class HostSeconds:
    """Seconds of one core that a shard takes apart from the model's computation.

    Attributes:
        feeding: Adding special tokens, sorting, packing, and taking the vectors.
        through: Reading the shard, feeding, and writing the vectors with their texts.
        whole: The whole stage, which also checks hashes and reads its output back.
    """

    feeding: float
    through: float
    whole: float


def measure_host(encoder: CudaEncoder, work: Work, tries: int = 3) -> HostSeconds:
    """Measure what a shard costs the processor, with a model that computes nothing.

    It is processor time summed over all threads, so other work on the machine does not count.
    """
    with _without_model(encoder), _one_core():
        turns = [_measure_host(encoder, work) for _ in range(tries)]
    return HostSeconds(*(min(column) for column in zip(*turns, strict=True)))


def _measure_host(encoder: CudaEncoder, work: Work) -> tuple[float, float, float]:
    output = f"sample/turns/{next(_turns)}"
    (spec, *_) = embed.plan(work.chunks, encoder.info).specs
    spec = replace(spec, folder=f"{output}/embeddings")
    path = work.volume.path(f"{output}/through.parquet")
    path.parent.mkdir(parents=True)
    read_input(work.volume, spec.chunks, "chunked_volume")  # caches its hash
    begun = time.process_time()
    chunks = read_input(work.volume, spec.chunks, "chunked_volume")
    fed = time.process_time()
    vectors = encoder.encode(embed.stored_tokens(chunks))
    feeding = time.process_time() - fed
    embed.write_table(path, embed.with_vectors(chunks, vectors))
    through = time.process_time() - begun
    begun = time.process_time()
    embed.embed_shard(spec, work.volume, ignore_progress, encoder)
    whole = time.process_time() - begun
    remove_folder(work.volume, output)
    return feeding, through, whole


@contextmanager
def _without_model(encoder: CudaEncoder) -> Iterator[None]:
    """Replace the model by random unit vectors, which compress like real ones."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2 * SHARD_PASSAGES, encoder.info.dimensions), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = torch.from_numpy(rows)
    first = 0

    def take_vectors(_bert: TorchBert, batch: PackedBatch) -> Tensor:
        nonlocal first
        if first + len(batch.lengths) > len(vectors):
            first = 0
        chosen = vectors[first : first + len(batch.lengths)]
        first += len(chosen)
        return chosen

    with mock.patch.object(cuda, "encode_batch", take_vectors):
        yield


@contextmanager
def _one_core() -> Iterator[None]:
    """Keep Arrow and PyTorch on one thread, because spreading work over cores costs extra time."""
    arrow, threads = pa.cpu_count(), torch.get_num_threads()
    pa.set_cpu_count(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        pa.set_cpu_count(arrow)
        torch.set_num_threads(threads)
