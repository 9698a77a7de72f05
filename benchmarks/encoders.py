"""Measures our encoders beside sentence-transformers: passages a second, and how well they agree.

    .venv-bench/bin/python -m benchmarks.encoders

Both run in one process on the same cores, with the same weights in float32 and their own defaults,
over passages of the sample, one after the other in each repetition so that both see the same
weather; the table shows medians. sentence-transformers tokenises what it encodes, so the row to
compare it with is `encode_texts`; `encode` is what the pipeline runs, on token ids that it stored.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from sentence_transformers import (  # type: ignore[import-not-found]  # only in .venv-bench
    SentenceTransformer,
)

from wiki_embeddings import encoders
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.encoders.models import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import TokenIds, Vectors
from wiki_embeddings.sources import sample

PEER = "sentence-transformers"


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


@click.command()
@click.option("--count", default=200, show_default=True, help="Passages to encode.")
@click.option("--repetitions", default=5, show_default=True, help="Turns of each encoder.")
def main(count: int, repetitions: int) -> None:
    """Measure our encoders beside sentence-transformers."""
    model = resolve()
    passages = sample_passages(model, count)
    start = time.perf_counter()
    ours = encoders.load(engine="cpu")
    loading = time.perf_counter() - start
    peer = SentenceTransformer(str(model.folder), device="cpu")
    seconds, vectors = measured(
        {
            PEER: lambda: peer.encode(passages.texts, show_progress_bar=False),
            "ours, encode_texts": lambda: ours.encode_texts(passages.texts),
            "ours, encode": lambda: ours.encode(passages.tokens),
        },
        repetitions,
    )
    console = Console()
    console.print(result_table(seconds, vectors, passages.tokens))
    average = statistics.fmean(map(len, passages.tokens))
    console.print(
        f"{count} passages of {average:.0f} tokens on average, medians of {repetitions} turns; "
        f"{ours.info.runtime}, {ours.info.precision}; loaded in {loading:.2f} s."
    )


if __name__ == "__main__":
    main()
