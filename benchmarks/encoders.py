"""Measures our CPU encoder beside others: passages per second, and how closely they agree.

    .venv-bench/bin/python -m benchmarks.encoders

Each contestant runs in a separate process on the same cores, with the same weights, over passages
of the sample. They take turns in each repetition, so that all meet the same conditions; the table
shows medians. Each tokenises its texts, except `encode`, which the pipeline runs on stored token
ids. A contestant that is not installed or that this processor cannot run is left out, with the
reason.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from wiki_embeddings import encoders
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.encoders.models.resolve import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import TokenIds, Vectors
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.host import usable_cores
from wiki_embeddings.sources import sample

PEER = "sentence-transformers"
"""The contestant that all others are compared with."""

OURS = {
    f"ours {precision}, {method}": (precision, method)
    for precision in ("float32", "bfloat16", "int8")
    for method in ("encode_texts", "encode")
}
"""Precision and method of each of our rows."""


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
    """Return chunks spread evenly over the sample, cut by our chunker without titles."""
    titles: list[str] = []
    texts: list[str] = []
    for part in sample.plan().parts:
        for batch in sample.open_part(part, lambda _articles: None).batches:
            titles += batch.column("title").to_pylist()
            texts += batch.column("text").to_pylist()
    chunks = chunk_articles(
        load_tokenizer(model.folder / "tokenizer.json"), titles, texts, ChunkSettings()
    )
    tokens = np.split(chunks.tokens, chunks.token_offsets[1:-1])
    chosen = np.linspace(0, len(tokens) - 1, count).astype(int)
    return Passages([chunks.text[index] for index in chosen], [tokens[index] for index in chosen])


# ---- In a contestant's process.


@cache
def prepare(name: str, count: int) -> Callable[[], Vectors]:
    """Return a function that lets a contestant encode its passages."""
    model = resolve()
    passages = sample_passages(model, count)
    if name in peers.PEERS:
        return partial(peers.PEERS[name](model), passages.texts)
    precision, method = OURS[name]
    encoder = encoders.load(engine="cpu", precision=precision)
    if method == "encode":
        return partial(encoder.encode, passages.tokens)
    return partial(encoder.encode_texts, passages.texts)


def encode(name: str, count: int) -> Vectors:
    """Return the vectors of a contestant."""
    return prepare(name, count)()


def time_encoding(name: str, count: int) -> float:
    """Return the seconds that a contestant takes once."""
    start = time.perf_counter()
    prepare(name, count)()
    return time.perf_counter() - start


# ---- In the main process, where they take turns.


@contextmanager
def start_processes(names: Iterable[str]) -> Iterator[dict[str, Executor]]:
    """Start a process for each contestant: some pin threads to cores, which would slow others."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
            )
            for name in names
        }


def measure(
    contestants: Mapping[str, Executor], count: int, repetitions: int, console: Console
) -> tuple[dict[str, float], dict[str, Vectors]]:
    """Return the median seconds and the vectors of each contestant, after a turn to warm up."""
    vectors: dict[str, Vectors] = {}
    for name, process in contestants.items():
        try:
            vectors[name] = process.submit(encode, name, count).result()
        except (ImportError, BadInputError) as missing:
            console.print(f"{name} is left out: {missing}")
            if name == PEER:
                raise click.ClickException("There is nothing to compare with.") from missing
    seconds: dict[str, list[float]] = {name: [] for name in vectors}
    for _ in range(repetitions):
        for name, times in seconds.items():
            times.append(contestants[name].submit(time_encoding, name, count).result())
    return {name: statistics.median(times) for name, times in seconds.items()}, vectors


def result_table(
    seconds: dict[str, float], vectors: dict[str, Vectors], tokens: Sequence[TokenIds]
) -> Table:
    """Return rates, ratios to the peer, and mean and lowest cosine with its vectors."""
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
            f"{cosines.mean():.5f}",
            f"{cosines.min():.5f}",
        )
    return table


@click.command()
@click.option("--count", default=32, show_default=True, help="Passages to encode.")
@click.option("--repetitions", default=5, show_default=True, help="Turns of each encoder.")
def main(count: int, repetitions: int) -> None:
    """Measure our encoders beside others."""
    console = Console()
    passages = sample_passages(resolve(), count)
    with start_processes([*peers.PEERS, *OURS]) as contestants:
        seconds, vectors = measure(contestants, count, repetitions, console)
    console.print(result_table(seconds, vectors, passages.tokens))
    average = statistics.fmean(map(len, passages.tokens))
    console.print(
        f"{count} passages of {average:.0f} tokens on average, medians of {repetitions} turns, "
        f"{usable_cores()} cores."
    )


if __name__ == "__main__":
    main()
