"""Checks and measures the engine `cuda`, beside sentence-transformers on the same device.

    .venv-bench/bin/python -m benchmarks.cuda_encoder                       # on a GPU
    .venv-bench/bin/python -m benchmarks.cuda_encoder --device cpu --quick  # anywhere

What it prints: whether our vectors agree with those of sentence-transformers in float32; what the
chip does by itself; tokens a second for models of several sizes, ours from token ids stored on a
disk to vectors written on it, theirs from texts to vectors in memory, in turns; what of our work
is the processor's; how long a new process takes to its first vector; and the time and the price
that the share of the chip's rate predicts for all of English Wikipedia.

On a processor, everything runs in float32: that shows that the benchmark works and that vectors
are right. It says nothing about a GPU.
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
from benchmarks.cuda.agreement import agreements
from benchmarks.cuda.chip import ChipRates, chip_rates
from benchmarks.cuda.first_vector import first_vector
from benchmarks.cuda.models import SIZES, our_encoder, random_model
from benchmarks.cuda.prediction import datasheet_flops, predictions
from benchmarks.cuda.tables import Rate
from benchmarks.cuda.work import SHARD_PASSAGES, Lengths, Work, lengths_of, prepared, sample_chunks
from wiki_embeddings.compute.modal.prices import PRICES_AS_OF
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder
from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.estimate import flops_per_token
from wiki_embeddings.estimate.editions import EDITIONS
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.volume import MiB, Volume

_BAR_SHARE = 0.25
"""What this project wants to reach at least."""

_SHARES = {
    "cuda": "The share is what was reached here of this chip's datasheet rate.",
    "cpu": "The share is the bar of this project: a processor's says nothing about a GPU.",
}

_FILE_WIDTH = 130
"""Columns of what is printed into a file."""

REFERENCE = "small"
"""The size that the bars and the predictions are about."""


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        flops: Operations in a turn of ours: seconds of them.
        turns: Turns of each contestant.
        least_shards: So many that some are read and written while others are computed.
        peer_share: Share of the passages that sentence-transformers encodes in a turn.
        warm_up: Passages to warm up with.
        matrix_sides: Sizes of square matrices to multiply.
        copied_bytes: Size of the copies.
    """

    flops: float
    turns: int
    least_shards: int
    peer_share: float
    warm_up: int
    matrix_sides: tuple[int, ...]
    copied_bytes: int


_LEAST_PASSAGES = 4
_GPU_SIDES = (2048, 4096, 8192, 16384)
SCALES = {
    ("cuda", False): Scale(4e15, 3, 8, 0.1, 2048, _GPU_SIDES, 1024 * MiB),
    ("cuda", True): Scale(4e14, 1, 4, 0.2, 2048, _GPU_SIDES, 256 * MiB),
    ("cpu", False): Scale(1e12, 3, 2, 1.0, 8, (512, 1024, 2048), 64 * MiB),
    ("cpu", True): Scale(1e11, 1, 2, 1.0, 1, (512, 1024), 16 * MiB),
}


@dataclass(frozen=True)
class Bench:
    """What all measurements share.

    Attributes:
        device: `cuda` or `cpu`.
        scale: How much is measured.
        scratch: Folder for models and shards.
        chunks: Chunks of the sample.
        made_by: Their manifest.
    """

    device: str
    scale: Scale
    scratch: Path
    chunks: pa.Table
    made_by: Manifest

    @property
    def lengths(self) -> Lengths:
        """How long the sample's passages are."""
        return lengths_of(self.chunks)

    def work(self, name: str, passages: int, shards: int) -> Work:
        """Shards to embed."""
        volume = Volume(self.scratch / "volume" / name)
        return prepared(volume, self.chunks, self.made_by, passages=passages, shards=shards)

    def work_of(self, flops: float) -> Work:
        """Shards whose tokens cost so much each that they make a turn."""
        passages = max(_LEAST_PASSAGES, int(self.scale.flops / (flops * self.lengths.mean)))
        shards = max(self.scale.least_shards, round(passages / SHARD_PASSAGES))
        return self.work(f"{flops:.0f}", passages // shards, shards)


def rates(bench: Bench, name: str, console: Console) -> Iterator[Rate]:
    """Measures us and sentence-transformers with a random model of one size, in turns."""
    size = SIZES[name]
    shape = ModelShape(size.layers, size.hidden_size, size.intermediate_size)
    flops = flops_per_token(shape, bench.lengths.attended)
    folder = random_model(bench.scratch / name, size)
    work = bench.work_of(flops)
    console.print(f"{size.like}: {work.passages:,} passages, {work.tokens:,} tokens a turn …")
    encoder = our_encoder(folder, bench.device)
    loaded, missing = _peers(bench, folder)
    texts = work.texts * len(work.chunks.files)
    texts = texts[: max(_LEAST_PASSAGES, int(len(texts) * bench.scale.peer_share))]
    _warm_up(encoder, loaded, texts[: bench.scale.warm_up])
    taken: dict[str, list[float]] = {setting.name: [] for setting, _ in loaded}
    written = []
    for _ in range(bench.scale.turns):
        written.append(ours.embedded(encoder, work))
        for setting, model in loaded:
            taken[setting.name].append(peers.seconds(model, texts, setting.batch))
    seconds = statistics.median(turn.seconds for turn in written)
    bytes_per_s = written[0].bytes / seconds
    yield Rate(size.like, "ours, disk to disk", work.tokens / seconds, flops, bytes_per_s)
    peer_tokens = work.tokens * len(texts) / work.passages
    for setting_name, times in taken.items():
        yield Rate(size.like, setting_name, peer_tokens / statistics.median(times), flops)
    for setting_name, reason in missing.items():
        yield Rate(size.like, setting_name, None, flops, note=reason)


def _peers(
    bench: Bench, folder: Path
) -> tuple[list[tuple[peers.Setting, peers.Model]], dict[str, str]]:
    """The peers that can run here, and why others cannot, by name."""
    loaded, missing = [], {}
    for setting in peers.SETTINGS:
        if setting.needs_gpu and bench.device != "cuda":
            missing[setting.name] = "needs a GPU"
            continue
        try:
            loaded.append((setting, peers.peer(folder, bench.device, setting.attention)))
        except peers.MissingError as error:
            missing[setting.name] = str(error)
    return loaded, missing


def _warm_up(
    encoder: CudaEncoder, loaded: list[tuple[peers.Setting, peers.Model]], texts: list[str]
) -> None:
    """Goes through every path once: kernels are loaded, memory is taken."""
    encoder.encode_texts(texts)
    for setting, model in loaded:
        peers.seconds(model, texts, setting.batch)


def measure(bench: Bench, sizes: tuple[str, ...], console: Console) -> bool:
    """Runs all measurements and prints their tables; returns whether all vectors agreed."""
    passed = check(bench, console)
    chip = chip_rates(bench.device, bench.scale.matrix_sides, bench.scale.copied_bytes)
    console.print(tables.chip_table(chip))
    found = [rate for name in sizes for rate in rates(bench, name, console)]
    device = chip.name if bench.device == "cuda" else "processor, in float32"
    console.print(tables.rate_table(found, device, chip.matrix_flops))
    folder = bench.scratch / sizes[0]
    shard = bench.work("host", SHARD_PASSAGES, 1)
    host = ours.host_side(our_encoder(folder, bench.device), shard)
    console.print(tables.host_table(host, shard.tokens))
    console.print(tables.first_vector_line(first_vector(folder, bench.device)))
    like = SIZES[REFERENCE if REFERENCE in sizes else sizes[0]].like
    predict(bench, next(rate for rate in found if rate.model == like), chip, console)
    return passed


def predict(bench: Bench, rate: Rate, chip: ChipRates, console: Console) -> None:
    """Prints what a rate of ours would make of all of English Wikipedia on other chips."""
    assert rate.tokens_per_s is not None
    share = _BAR_SHARE
    if bench.device == "cuda":
        flops = rate.tokens_per_s * rate.flops_per_token
        share = flops / (datasheet_flops(chip.name) or chip.matrix_flops)
    characters = EDITIONS["en"].characters.value
    ratio = bench.lengths.tokens_per_character
    tokens = characters * ratio
    found = predictions(share, rate.flops_per_token, tokens)
    console.print(tables.prediction_table(found, share, rate.model))
    console.print(
        f"{characters / 1e9:.2f} G characters × {ratio:.3f} tokens a character (the sample's, "
        f"special ones and titles included) = {tokens / 1e9:.2f} G tokens × "
        f"{rate.flops_per_token / 1e6:.1f} MFLOP. {_SHARES[bench.device]} Prices of the GPUs "
        f"alone, of {PRICES_AS_OF}; no starts, no tail."
    )


def check(bench: Bench, console: Console) -> bool:
    """Compares vectors with sentence-transformers, where that is installed."""
    texts = bench.chunks.column("text").to_pylist()
    try:
        found = agreements(texts, bench.scratch / "agreement", bench.device)
    except peers.MissingError as error:
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
        chunks, made_by = sample_chunks(Volume(scratch / "sample"))
        bench = Bench(device, SCALES[device, quick], scratch, chunks, made_by)
        passed = measure(bench, names, console)
    if not passed:
        sys.exit("Vectors do not agree with those of sentence-transformers.")


if __name__ == "__main__":
    main()
