"""Measures our chunker against the tokenizer alone and two well-known splitters.

    .venv-bench/bin/python -m benchmarks.chunking

All cut the articles of the sample with the tokenizer of all-MiniLM-L6-v2 to the same budget, in the
same number of processes with one thread each: first in one, then in one for each core. Only the
cutting is timed, until the last process is done. The splitters take turns within each repetition,
so that the load of the machine affects all alike; the tables show medians. Our chunker begins each
repetition with an empty cache, as in a new process.

`tokenizers alone` is `encode_batch` of whole articles, as fast as tokenising all text can be; a
chunker must also read the ids, so it is measured with and without reading them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import click
import numpy as np
from langchain_text_splitters import (  # type: ignore[import-not-found]  # only in .venv-bench
    RecursiveCharacterTextSplitter,
)
from rich.console import Console
from rich.table import Table
from semantic_text_splitter import (  # type: ignore[import-not-found]  # only in .venv-bench
    TextSplitter,
)
from tokenizers import Tokenizer
from transformers import (  # type: ignore[import-not-found]  # only in .venv-bench
    PreTrainedTokenizerFast,
)

from benchmarks.questions import sample_articles
from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.host import usable_cores

OURS = "wiki_embeddings"
SPECIAL_TOKENS = 2  # [CLS] and [SEP]: the peers' budget excludes them

Split = Callable[[], list[str]]
"""Cuts the articles that it was prepared with; returns the texts of the chunks, if it makes any."""


@dataclass(frozen=True)
class Articles:
    """Articles to cut."""

    titles: list[str]
    texts: list[str]

    @property
    def chars(self) -> int:
        """Count the code points of all texts."""
        return sum(map(len, self.texts))

    def share(self, number: int, of: int) -> Articles:
        """Take every `of`-th article, the longest first, so that the shares are about even."""
        order = sorted(range(len(self.texts)), key=lambda article: -len(self.texts[article]))
        chosen = order[number::of]
        return Articles([self.titles[a] for a in chosen], [self.texts[a] for a in chosen])


def tokenizer_file() -> Path:
    """Return the path of the published tokenizer."""
    return bundled_model() / "tokenizer.json"


def plain_tokenizer() -> Tokenizer:
    """Load the published tokenizer without truncation and padding."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file()))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def ours(articles: Articles, budget: int) -> Split:
    """Prepare our chunker, with an empty cache."""
    tokenizer = load_tokenizer(tokenizer_file())
    settings = ChunkSettings(budget)
    return lambda: chunk_articles(tokenizer, articles.titles, articles.texts, settings).text


def tokenizers_ids_read(articles: Articles, _budget: int) -> Split:
    """Prepare to tokenise without cutting, and to read the ids."""
    tokenizer = plain_tokenizer()

    def split() -> list[str]:
        for encoding in tokenizer.encode_batch(articles.texts, add_special_tokens=False):
            _ = encoding.ids
        return []

    return split


def tokenizers_ids_unread(articles: Articles, _budget: int) -> Split:
    """Prepare to tokenise without cutting, and to drop the result."""
    tokenizer = plain_tokenizer()

    def split() -> list[str]:
        tokenizer.encode_batch(articles.texts, add_special_tokens=False)
        return []

    return split


def semantic_text_splitter(articles: Articles, budget: int) -> Split:
    """Prepare the splitter in Rust, keeping white space as we do."""
    splitter = TextSplitter.from_huggingface_tokenizer(
        plain_tokenizer(), budget - SPECIAL_TOKENS, trim=False
    )
    return lambda: [chunk for text in articles.texts for chunk in splitter.chunks(text)]


def langchain(articles: Articles, budget: int) -> Split:
    """Prepare LangChain's splitter, without its default overlap."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain_tokenizer())
    splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
        tokenizer, chunk_size=budget - SPECIAL_TOKENS, chunk_overlap=0
    )
    return lambda: [chunk for text in articles.texts for chunk in splitter.split_text(text)]


PREPARE: dict[str, Callable[[Articles, int], Split]] = {
    OURS: ours,
    "tokenizers alone": tokenizers_ids_unread,
    "tokenizers, ids read": tokenizers_ids_read,
    "semantic-text-splitter": semantic_text_splitter,
    "LangChain": langchain,
}


_start: Barrier


def initialize_process(start: Barrier) -> None:
    """Give a worker process the barrier at which all wait before they begin."""
    global _start  # noqa: PLW0603  # a pool's initializer has no other place for it
    _start = start


def timed_split(name: str, articles: Articles, budget: int) -> tuple[float, list[str]]:
    """Cut in this process; return the seconds and the chunks."""
    split = PREPARE[name](articles, budget)
    _start.wait()
    begin = time.perf_counter()
    chunks = split()
    return time.perf_counter() - begin, chunks


def measure(
    articles: Articles, budget: int, processes: int, repetitions: int
) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Measure all splitters.

    Returns:
        Median seconds of each until its last process was done, and its chunks.
    """
    shares = [articles.share(number, processes) for number in range(processes)]
    seconds: dict[str, list[float]] = {name: [] for name in PREPARE}
    chunks: dict[str, list[str]] = {}
    context = get_context("spawn")
    with ProcessPoolExecutor(
        processes, context, initializer=initialize_process, initargs=(context.Barrier(processes),)
    ) as pool:
        for _ in range(repetitions):
            for name in PREPARE:
                jobs = [pool.submit(timed_split, name, share, budget) for share in shares]
                results = [job.result() for job in jobs]
                seconds[name].append(max(elapsed for elapsed, _ in results))
                chunks[name] = [chunk for _, part in results for chunk in part]
    return {name: statistics.median(times) for name, times in seconds.items()}, chunks


def token_counts(chunks: Sequence[str]) -> list[int]:
    """Count the tokens of each chunk as the model reads it, including special tokens."""
    return [len(encoding.ids) for encoding in plain_tokenizer().encode_batch(list(chunks))]


@click.command()
@click.option("--budget", default=256, show_default=True, help="Tokens in a chunk.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    multiple=True,
    default=sorted({1, usable_cores()}),
    show_default=True,
    help="Processes for each splitter; given several times, a table for each.",
)
@click.option("--repetitions", default=5, show_default=True, help="Turns of each splitter.")
def main(budget: int, processes: tuple[int, ...], repetitions: int) -> None:
    """Run the benchmark and print a table for each number of processes."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # processes share the cores, not threads
    articles_by_title = sample_articles()
    articles = Articles(list(articles_by_title), list(articles_by_title.values()))
    for number in processes:
        compare(articles, budget, number, repetitions)


def compare(articles: Articles, budget: int, processes: int, repetitions: int) -> None:
    """Measure all splitters and print their table.

    Raises:
        click.ClickException: A splitter made chunks over the budget.
    """
    seconds, chunks = measure(articles, budget, processes, repetitions)
    counts = {name: token_counts(texts) for name, texts in chunks.items()}
    Console().print(
        f"{len(articles.texts)} articles, {articles.chars:,} characters, "
        f"budget {budget}, {processes} process(es), median of {repetitions}"
    )
    Console().print(results_table(articles.chars, seconds, counts, budget))
    over = [name for name, tokens in counts.items() if max(tokens, default=0) > budget]
    if over:
        raise click.ClickException(f"Over the budget: {', '.join(over)}.")


def results_table(
    chars: int, seconds: dict[str, float], counts: dict[str, list[int]], budget: int
) -> Table:
    """Make a table with one row for each splitter; `ours is` compares the rates."""
    table = Table("splitter", "characters/s", "ours is", "chunks", "filled", "largest")
    for name, took in seconds.items():
        row = [name, f"{chars / took:,.0f}", f"{took / seconds[OURS]:.2f}×"]
        tokens = counts[name]
        if tokens:
            row += [f"{len(tokens):,}", f"{np.mean(tokens) / budget:.0%}", str(max(tokens))]
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
