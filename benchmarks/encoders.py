"""Measures our CPU encoder beside others': passages a second, and how well they agree.

    .venv-bench/bin/python -m benchmarks.encoders

All run in one process on the same cores, with the same weights, over passages of the sample, one
after the other in each repetition so that all see the same weather; the table shows medians. Each
tokenises what it encodes, except `ours, encode`, which is what the pipeline runs on token ids that
it has stored. A peer that is not installed is left out, and the reason is said.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from wiki_embeddings import encoders
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.cores import usable_cores
from wiki_embeddings.encoders.models import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import TokenIds, Vectors
from wiki_embeddings.sources import sample

PEER = "sentence-transformers"
"""The one that all others are compared with."""


@dataclass(frozen=True)
class Passages:
    """Chunks of the sample.

    Attributes:
        texts: Their texts.
        tokens: Their token ids, without special tokens.
    """

    texts: list[str]
    tokens: list[TokenIds]


def sample_passages(model: ResolvedModel, count: int) -> Passages:
    """Chunks spread evenly over the articles of the sample, cut by our chunker without titles."""
    titles: list[str] = []
    texts: list[str] = []
    for part in sample.plan().parts:
        for batch in sample.open_part(part, lambda _articles: None).batches:
            titles += batch.column("title").to_pylist()
            texts += batch.column("text").to_pylist()
    chunks = chunk_articles(load_tokenizer(model.tokenizer_path), titles, texts, ChunkSettings())
    tokens = np.split(chunks.tokens, chunks.token_offsets[1:-1])
    chosen = np.linspace(0, len(tokens) - 1, count).astype(int)
    return Passages([chunks.text[index] for index in chosen], [tokens[index] for index in chosen])


def measured(
    contestants: dict[str, Callable[[], Vectors]], repetitions: int
) -> tuple[dict[str, float], dict[str, Vectors]]:
    """Median seconds and the vectors of each contestant, in turns, after a turn to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    vectors = {name: encode() for name, encode in contestants.items()}
    for _ in range(repetitions):
        for name, encode in contestants.items():
            start = time.perf_counter()
            encode()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}, vectors


def result_table(
    seconds: dict[str, float], vectors: dict[str, Vectors], tokens: Sequence[TokenIds]
) -> Table:
    """Rates, ratios to the peer, and mean and lowest cosine with its vectors."""
    table = Table()
    table.add_column("encoder", no_wrap=True)
    for heading in ("passages/s", "tokens/s", "ratio", "cosine", "lowest"):
        table.add_column(heading, justify="right")
    total_tokens = sum(map(len, tokens))
    for name, duration in seconds.items():
        cosines = np.einsum("ij,ij->i", vectors[name], vectors[PEER])
        table.add_row(
            name,
            f"{len(tokens) / duration:.1f}",
            f"{total_tokens / duration:.0f}",
            f"{seconds[PEER] / duration:.2f}",
            f"{cosines.mean():.6f}",
            f"{cosines.min():.6f}",
        )
    return table


def contestants(
    model: ResolvedModel, passages: Passages, console: Console
) -> dict[str, Callable[[], Vectors]]:
    """All that can run here, the peer to compare with first."""
    ready: dict[str, Callable[[], Vectors]] = {}
    for name, prepare in peers.PEERS.items():
        try:
            ready[name] = partial(prepare(model), passages.texts)
        except ImportError as missing:
            console.print(f"{name} is left out: {missing}.")
    for precision in ("float32", "int8"):
        start = time.perf_counter()
        ours = encoders.load(engine="cpu", precision=precision)
        console.print(f"ours in {precision}: loaded in {time.perf_counter() - start:.2f} s")
        ready[f"ours {precision}, encode_texts"] = partial(ours.encode_texts, passages.texts)
        ready[f"ours {precision}, encode"] = partial(ours.encode, passages.tokens)
    return ready


@click.command()
@click.option("--count", default=32, show_default=True, help="Passages to encode.")
@click.option("--repetitions", default=5, show_default=True, help="Turns of each encoder.")
def main(count: int, repetitions: int) -> None:
    """Measure our encoders beside others."""
    model = resolve()
    passages = sample_passages(model, count)
    console = Console()
    seconds, vectors = measured(contestants(model, passages, console), repetitions)
    if PEER not in seconds:
        raise click.ClickException(f"{PEER} is not installed: there is nothing to compare with.")
    console.print(result_table(seconds, vectors, passages.tokens))
    average = statistics.fmean(map(len, passages.tokens))
    console.print(
        f"{count} passages of {average:.0f} tokens on average, medians of {repetitions} turns, "
        f"{usable_cores()} cores."
    )


if __name__ == "__main__":
    main()
