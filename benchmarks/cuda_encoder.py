"""Checks and measures the engine `cuda`, beside sentence-transformers on the same device.

    .venv-bench/bin/python -m benchmarks.cuda_encoder                       # on a GPU
    .venv-bench/bin/python -m benchmarks.cuda_encoder --device cpu --quick  # anywhere

It prints: whether our vectors agree with those of sentence-transformers in float32; the chip's own
rates; tokens per second for models of several sizes, ours from token ids stored on a disk to
vectors written to it, theirs from texts to vectors in memory, in turns; the processor's part of our
work; how long a new process takes to its first vector; and the time and the price that our share of
the chip's rate predicts for the English Wikipedia.

On a processor, everything runs in float32. That shows that the benchmark works and that the vectors
are right, but says nothing about a GPU.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pyarrow as pa
import torch
from rich.console import Console

from benchmarks.cuda import ours, peers, tables
from benchmarks.cuda.agreement import measure_agreement
from benchmarks.cuda.chip import ChipRates, measure_chip
from benchmarks.cuda.first_vector import time_first_vector
from benchmarks.cuda.models import SIZES, our_encoder, random_model
from benchmarks.cuda.prediction import datasheet_flops, predict_fleets
from benchmarks.cuda.tables import Rate
from benchmarks.cuda.work import (
    SHARD_PASSAGES,
    Lengths,
    Work,
    measure_lengths,
    sample_chunks,
    write_work,
)
from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder
from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.estimate import flops_per_token
from wiki_embeddings.estimate.editions import EDITIONS
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.volume import MiB, Volume

_BAR_SHARE = 0.25
"""The share that this project aims for at least."""

_SHARES = {
    "cuda": "The share is what was reached here of this chip's datasheet rate.",
    "cpu": "The share is the bar of this project: a processor's says nothing about a GPU.",
}

_FILE_WIDTH = 130
"""Columns of output that goes to a file."""

REFERENCE = "small"
"""The size of the bars and the predictions."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        flops: Operations in one of our turns, enough for some seconds.
        turns: Turns of each contestant.
        min_shards: Enough that some are read and written while others are computed.
        peer_share: Share of the passages that sentence-transformers encodes in a turn.
        warm_up: Passages to warm up with.
        matrix_sides: Sizes of square matrices to multiply.
        copied_bytes: Size of the copies.
    """

    flops: float
    turns: int
    min_shards: int
    peer_share: float
    warm_up: int
    matrix_sides: tuple[int, ...]
    copied_bytes: int


_MIN_PASSAGES = 4
_GPU_SIDES = (2048, 4096, 8192, 16384)
SCALES = {
    ("cuda", False): Scale(4e15, 3, 8, 0.1, 2048, _GPU_SIDES, 1024 * MiB),
    ("cuda", True): Scale(4e14, 1, 4, 0.2, 2048, _GPU_SIDES, 256 * MiB),
    ("cpu", False): Scale(1e12, 3, 2, 1.0, 8, (512, 1024, 2048), 64 * MiB),
    ("cpu", True): Scale(1e11, 1, 2, 1.0, 1, (512, 1024), 16 * MiB),
}


@dataclass(frozen=True)
class Bench:
    """The inputs of all measurements.

    Attributes:
        device: `cuda` or `cpu`.
        scale: How much is measured.
        scratch: Folder for models and shards.
        chunks: Chunks of the sample.
        manifest: Their manifest.
    """

    device: str
    scale: Scale
    scratch: Path
    chunks: pa.Table
    manifest: Manifest

    @property
    def lengths(self) -> Lengths:
        """Lengths of the sample's passages."""
        return measure_lengths(self.chunks)

    def work(self, name: str, passages: int, shards: int) -> Work:
        """Write shards to embed."""
        volume = Volume(self.scratch / "volume" / name)
        return write_work(volume, self.chunks, self.manifest, passages=passages, shards=shards)

    def work_for(self, flops: float) -> Work:
        """Write the shards of one turn for a model with this many operations per token."""
        passages = max(_MIN_PASSAGES, int(self.scale.flops / (flops * self.lengths.mean)))
        shards = max(self.scale.min_shards, round(passages / SHARD_PASSAGES))
        return self.work(f"{flops:.0f}", passages // shards, shards)


def rates(bench: Bench, name: str, console: Console) -> Iterator[Rate]:
    """Measure us and sentence-transformers with a random model of one size, in turns."""
    size = SIZES[name]
    shape = ModelShape(size.layers, size.hidden_size, size.intermediate_size)
    flops = flops_per_token(shape, bench.lengths.attended)
    folder = random_model(bench.scratch / name, size)
    work = bench.work_for(flops)
    console.print(f"{size.like}: {work.passages:,} passages, {work.tokens:,} tokens a turn …")
    encoder = our_encoder(folder, bench.device)
    loaded, missing = _load_peers(bench, folder)
    texts = work.texts * len(work.chunks.files)
    texts = texts[: max(_MIN_PASSAGES, int(len(texts) * bench.scale.peer_share))]
    _warm_up(encoder, loaded, texts[: bench.scale.warm_up])
    taken: dict[str, list[float]] = {setting.name: [] for setting, _ in loaded}
    written, computed = [], []
    for _ in range(bench.scale.turns):
        written.append(ours.embed_all(encoder, work))
        computed.append(ours.time_model(encoder, work))
        for setting, model in loaded:
            taken[setting.name].append(peers.time_encoding(model, texts, setting.batch))
    seconds = statistics.median(turn.seconds for turn in written)
    bytes_per_s = written[0].bytes / seconds
    yield Rate(size.like, "ours, disk to disk", work.tokens / seconds, flops, bytes_per_s)
    alone = statistics.median(computed)
    yield Rate(size.like, "ours, the model alone", work.tokens / alone, flops)
    if bench.device == "cuda":
        console.print(f"{size.like}: the GPU waits {max(0.0, 1 - alone / seconds):.1%} of a turn.")
    peer_tokens = work.tokens * len(texts) / work.passages
    for setting_name, times in taken.items():
        yield Rate(size.like, setting_name, peer_tokens / statistics.median(times), flops)
    for setting_name, reason in missing.items():
        yield Rate(size.like, setting_name, None, flops, note=reason)


def _load_peers(
    bench: Bench, folder: Path
) -> tuple[list[tuple[peers.Setting, peers.Model]], dict[str, str]]:
    """Return the peers that can run here, and by name why others cannot."""
    loaded, missing = [], {}
    for setting in peers.SETTINGS:
        if setting.needs_gpu and bench.device != "cuda":
            missing[setting.name] = "needs a GPU"
            continue
        try:
            loaded.append((setting, peers.load_peer(folder, bench.device, setting.attention)))
        except peers.MissingPeerError as error:
            missing[setting.name] = str(error)
    return loaded, missing


def _warm_up(
    encoder: CudaEncoder, loaded: list[tuple[peers.Setting, peers.Model]], texts: list[str]
) -> None:
    """Run every path once, to load kernels and reserve memory."""
    encoder.encode_texts(texts)
    for setting, model in loaded:
        peers.time_encoding(model, texts, setting.batch)


def measure(bench: Bench, sizes: tuple[str, ...], console: Console) -> bool:
    """Run all measurements and print their tables; return True if all vectors agree."""
    passed = check(bench, console)
    chip = measure_chip(bench.device, bench.scale.matrix_sides, bench.scale.copied_bytes)
    console.print(tables.chip_table(chip))
    found = [rate for name in sizes for rate in rates(bench, name, console)]
    device = chip.name if bench.device == "cuda" else "processor, in float32"
    console.print(tables.rate_table(found, device, chip.matrix_flops))
    folder = bench.scratch / sizes[0]
    shard = bench.work("host", SHARD_PASSAGES, 1)
    host = ours.measure_host(our_encoder(folder, bench.device), shard)
    console.print(tables.host_table(host, shard.tokens))
    console.print(tables.first_vector_line(time_first_vector(folder, bench.device)))
    like = SIZES[REFERENCE if REFERENCE in sizes else sizes[0]].like
    predict(bench, next(rate for rate in found if rate.model == like), chip, console)
    return passed


def predict(bench: Bench, rate: Rate, chip: ChipRates, console: Console) -> None:
    """Print how long other chips would take for the English Wikipedia at our share."""
    assert rate.tokens_per_s is not None
    share = _BAR_SHARE
    if bench.device == "cuda":
        flops = rate.tokens_per_s * rate.flops_per_token
        share = flops / (datasheet_flops(chip.name) or chip.matrix_flops)
    characters = EDITIONS["en"].characters.value
    ratio = bench.lengths.tokens_per_character
    tokens = characters * ratio
    found = predict_fleets(share, rate.flops_per_token, tokens)
    console.print(tables.prediction_table(found, share, rate.model))
    console.print(
        f"{characters / 1e9:.2f} G characters × {ratio:.3f} tokens a character (the sample's, "
        f"special ones and titles included) = {tokens / 1e9:.2f} G tokens × "
        f"{rate.flops_per_token / 1e6:.1f} MFLOP. {_SHARES[bench.device]} Prices of the GPUs "
        f"alone, of {PRICES_AS_OF}; no starts, no tail."
    )


def check(bench: Bench, console: Console) -> bool:
    """Compare vectors with sentence-transformers, if it is installed."""
    texts = bench.chunks.column("text").to_pylist()
    try:
        found = measure_agreement(texts, bench.scratch / "agreement", bench.device)
    except peers.MissingPeerError as error:
        console.print(f"Agreement is not checked: {error}.")
        return True
    console.print(tables.agreement_table(found))
    return all(agreement.passes for agreement in found)


@click.command()
@click.option("--device", type=click.Choice(["auto", "cuda", "cpu"]), default="auto")
@click.option("--quick", is_flag=True, help="Fewer passages, one turn.")
@click.option(
    "--sizes",
    default=",".join(SIZES),
    show_default=True,
    help="Sizes of models, with commas between them.",
)
def main(device: str, quick: bool, sizes: str) -> None:
    """Check and measure the engine cuda."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    names = tuple(sizes.split(","))
    if unknown := set(names) - SIZES.keys():
        raise click.BadParameter(f"no size {', '.join(sorted(unknown))}", param_hint="--sizes")
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=_FILE_WIDTH)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        chunks, manifest = sample_chunks(Volume(scratch / "sample"))
        bench = Bench(device, SCALES[device, quick], scratch, chunks, manifest)
        passed = measure(bench, names, console)
    if not passed:
        sys.exit("Vectors do not agree with those of sentence-transformers.")


if __name__ == "__main__":
    main()
