"""Measures the index: what a search with it finds, reads and costs, beside other engines.

    .venv-bench/bin/python -m benchmarks.index
    .venv-bench/bin/python -m benchmarks.index --engines

Rows are the sentences of the sample, with the article's title in front of each; questions are those
of `sample_questions.toml`. On nested subsets of the rows it measures which share has to be read for
recall@10 of 0.95, and extrapolates that to English Wikipedia. `--engines` compares FAISS, Lance and
USearch on the same vectors, as far as they are installed. The vectors are kept in a file.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.questions import sample_articles
from wiki_embeddings import encoders
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.stages.index_plan import ROWS_PER_LIST
from wiki_embeddings.stages.sample_questions import load_questions
from wiki_embeddings.vector_index.kmeans import train
from wiki_embeddings.vector_index.probes import Budget
from wiki_embeddings.vector_index.quantization import (
    choose_step,
    encode,
    estimate,
    nearest_centroids,
    quantize,
    record_type,
    sign_table,
)

SIZES = (2_500, 5_000, 10_000, 20_000)
LIST_ROWS = (20, 40, 80)
"""Rows of a list on average."""

WANTED = 0.95
COUNT = 10
RESCORED = 64
RESAMPLES = 200

ENGLISH_ROWS = 21_600_000

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Vectors of the sentences and of the questions, of shape `(number, dimensions)`."""

    sentences: Vectors
    questions: Vectors


def load_corpus(kept: Path) -> Corpus:
    """Embed sentences and questions, or read them from the file that an earlier run has written."""
    if not kept.is_file():
        model = resolve(None)
        asked = [question.ask for question in load_questions()]
        exact = encoders.load(model.name, "cpu", revision=model.revision, precision="float32")
        fast = encoders.load(model.name, "cpu", revision=model.revision, precision="int8")
        questions = exact.encode_texts(asked, query=True)
        np.savez(kept, sentences=fast.encode_texts(list(sentences())), questions=questions)
    with np.load(kept) as arrays:
        stored = arrays["sentences"].astype(np.float16).astype(np.float32)
        shuffled = np.random.default_rng(1).permutation(len(stored))
        return Corpus(stored[shuffled], arrays["questions"])


def sentences() -> Iterator[str]:
    """Cut the articles of the sample into sentences, each with its title in front."""
    for title, text in sample_articles().items():
        for part in re.split(r"\n|(?<=[.!?])\s+(?=[A-Z\"“(])", text):
            if len(part.strip()) >= 20:
                yield f"{title} {part.strip()}"


def exact_nearest(corpus: Corpus, rows: int) -> Ids:
    """Return the ten nearest rows of each question, of shape `(questions, 10)`."""
    scores = corpus.questions @ corpus.sentences[:rows].T
    return np.argsort(-scores, axis=1, kind="stable")[:, :COUNT]


def rows_to_read(corpus: Corpus, rows: int, per_list: int) -> Ids:
    """Return how many rows are read before the list of each of the ten nearest is, by question.

    Lists are read in the order of their centroids' dot products with the question.
    """
    vectors = corpus.sentences[:rows]
    step = choose_step(vectors)
    centroids = train(quantize(vectors, step), rows // per_list)
    lists = nearest_centroids(quantize(vectors, step), centroids)
    order = np.argsort(-(corpus.questions @ centroids.T.astype(np.float32)), axis=1)
    read = np.cumsum(np.bincount(lists, minlength=len(centroids))[order], axis=1)
    position = np.argsort(order, axis=1)
    wanted = np.take_along_axis(position, lists[exact_nearest(corpus, rows)], axis=1)
    return np.take_along_axis(read, wanted, axis=1)


def share_for(wanted: float, read: Ids, rows: int) -> float:
    """Return the share of the rows that has to be read to find a share of the nearest."""
    return float(np.quantile(read, wanted, method="inverted_cdf")) / rows


def shares_table(corpus: Corpus) -> Table:
    """Measure the share of rows to read on nested subsets, and extrapolate to English."""
    table = Table(title=f"Share of the rows to read for recall@{COUNT} of {WANTED}")
    for heading in ("rows", "rows a list", "lists", "for .90", f"for {WANTED}", "for .98"):
        table.add_column(heading, justify="right")
    measured: dict[tuple[int, int], Ids] = {}
    for rows in SIZES:
        for per_list in LIST_ROWS:
            read = measured[rows, per_list] = rows_to_read(corpus, rows, per_list)
            shares = [f"{share_for(wanted, read, rows):.2%}" for wanted in (0.9, WANTED, 0.98)]
            table.add_row(f"{rows:,}", str(per_list), f"{rows // per_list:,}", *shares)
    rng = np.random.default_rng(0)
    number = len(corpus.questions)
    samples = [np.arange(number), *rng.integers(0, number, (RESAMPLES, number))]
    for label, with_list_rows in (("lists alone", False), ("lists and rows a list", True)):
        found = [
            extrapolated(measured, sample, with_list_rows=with_list_rows) for sample in samples
        ]
        low, high = np.quantile(found[1:], [0.025, 0.975])
        table.add_row(
            f"{ENGLISH_ROWS:,}",
            f"{ROWS_PER_LIST:,}",
            f"{ENGLISH_ROWS // ROWS_PER_LIST:,}",
            f"by {label}",
            f"{found[0]:.2%}",
            f"{low:.2%} to {high:.2%}",
        )
    return table


def extrapolated(
    measured: Mapping[tuple[int, int], Ids], sample: Ids, *, with_list_rows: bool
) -> float:
    """Extrapolate the share to English by a power law of the number of lists.

    Args:
        measured: Rows to read, by rows and rows a list.
        sample: Numbers of the questions to count.
        with_list_rows: True if the law also has a power of the rows a list.
    """

    def factors(rows: int, per_list: int) -> list[float]:
        lists = np.log(rows / per_list)
        return [1.0, lists, np.log(per_list)] if with_list_rows else [1.0, lists]

    shares = [share_for(WANTED, read[sample], rows) for (rows, _), read in measured.items()]
    known = np.array([factors(*key) for key in measured])
    law = np.linalg.lstsq(known, np.log(shares), rcond=None)[0]
    return float(np.exp(factors(ENGLISH_ROWS, ROWS_PER_LIST) @ law))


def bars_table() -> Table:
    """Show what a search of English Wikipedia reads, from the sizes and the budget."""
    budget, dimensions = Budget(), 384
    lists = ENGLISH_ROWS // ROWS_PER_LIST
    record = record_type(dimensions).itemsize
    table = Table(title=f"English Wikipedia: {ENGLISH_ROWS:,} rows, {lists:,} lists")
    table.add_column("what")
    table.add_column("how much", justify="right")
    pages = ENGLISH_ROWS // 61 + ENGLISH_ROWS // 350
    for name, value in (
        ("bytes of a record", f"{record}"),
        ("all lists", f"{ENGLISH_ROWS * record / 1e9:.2f} GB"),
        ("centroids", f"{lists * dimensions / 1e6:.1f} MB"),
        ("positions of pages", f"{pages * 8 / 1e6:.1f} MB"),
        ("lists of a question", f"{budget.bytes / 1e6:.0f} MB in {budget.ranges} ranges"),
        ("share of the rows that is", f"{budget.bytes / record / ENGLISH_ROWS:.2%}"),
    ):
        table.add_row(name, value)
    return table


Engine = Callable[[Vectors, Vectors, Path], Iterator[tuple[str, Ids, str]]]
"""Indexes vectors and asks questions, in a folder; gives for each way to do it the settings, the
ten rows found, and what is read for a question."""


def ours(vectors: Vectors, questions: Vectors, _: Path) -> Iterator[tuple[str, Ids, str]]:
    """Our lists, of 141 rows."""
    step = choose_step(vectors)
    integers = quantize(vectors, step)
    centroids = train(integers, 141)
    lists = nearest_centroids(integers, centroids)
    codes, scales = encode(integers, centroids[lists], step)
    record = record_type(vectors.shape[1]).itemsize
    for probes in (9, 28):
        found, read = [], 0
        for question in questions:
            products = centroids @ question * step
            rows = np.flatnonzero(np.isin(lists, np.argsort(-products)[:probes]))
            scores = (
                products[lists[rows]] + estimate(sign_table(question), codes[rows]) * scales[rows]
            )
            best = rows[np.argsort(-scores)[:RESCORED]]
            found.append(best[np.argsort(-(vectors[best] @ question), kind="stable")[:COUNT]])
            read += len(rows)
        size = read // len(questions) * record + RESCORED * vectors.shape[1] * 2
        yield f"{probes} of 141 lists, {RESCORED} rescored", np.array(found), f"{size / 1e3:.0f} kB"


def faiss(vectors: Vectors, questions: Vectors, _: Path) -> Iterator[tuple[str, Ids, str]]:
    """FAISS: IVF with RaBitQ and with scalar quantization."""
    import faiss as library

    for name in ("IVF141,RaBitQ", "IVF141,SQ8"):
        index = library.index_factory(vectors.shape[1], name, library.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add(vectors)
        lists = library.extract_index_ivf(index)
        for lists.nprobe in (9, 28):
            statistics = library.cvar.indexIVF_stats  # type: ignore[attr-defined]  # made by SWIG
            statistics.reset()
            candidates = index.search(questions, RESCORED)[1]
            found = [
                rows[np.argsort(-(vectors[rows] @ question), kind="stable")[:COUNT]]
                for rows, question in zip(candidates, questions, strict=True)
            ]
            rows = statistics.ndis // len(questions)
            size = rows * (lists.code_size + 8) + RESCORED * vectors.shape[1] * 2
            settings = f"{name}, {lists.nprobe} lists, {RESCORED} rescored"
            yield settings, np.array(found), f"{size / 1e3:.0f} kB, in memory"


def lance(vectors: Vectors, questions: Vectors, folder: Path) -> Iterator[tuple[str, Ids, str]]:
    """Lance: IVF with RaBitQ and with product quantization, refined by its own vectors."""
    import lance as library  # type: ignore[import-not-found]  # only in .venv-bench
    import pyarrow as pa

    numbers = pa.array(vectors.ravel())
    table = pa.table({"v": pa.FixedSizeListArray.from_arrays(numbers, vectors.shape[1])})
    stored = library.write_dataset(table, folder / "vectors.lance")
    for kind, options in (("IVF_RQ", {}), ("IVF_PQ", {"num_sub_vectors": 48})):
        stored.create_index("v", kind, metric="dot", replace=True, num_partitions=141, **options)
        for probes in (9, 28):
            opened = library.dataset(folder / "vectors.lance")
            found = [
                opened.to_table(
                    nearest={
                        "column": "v",
                        "q": question,
                        "k": COUNT,
                        "metric": "dot",
                        "nprobes": probes,
                        "refine_factor": 5,
                    },
                    with_row_id=True,
                    columns=["_distance"],
                )["_rowid"].to_numpy()
                for question in questions
            ]
            read = opened.io_stats_incremental()
            size, requests = read.read_bytes / len(questions), read.read_iops / len(questions)
            cost = f"{size / 1e3:.0f} kB, {requests:.0f} requests"
            yield f"{kind}, {probes} of 141 lists, 50 refined", np.array(found), cost


def usearch(vectors: Vectors, questions: Vectors, _: Path) -> Iterator[tuple[str, Ids, str]]:
    """USearch: a graph."""
    from usearch.index import Index  # type: ignore[import-not-found]  # only in .venv-bench

    for dtype in ("i8", "f16"):
        index = Index(ndim=vectors.shape[1], metric="ip", dtype=dtype, expansion_search=128)
        index.add(np.arange(len(vectors)), vectors)
        matches = index.search(questions, COUNT)
        read = matches.computed_distances // len(questions)
        yield f"{dtype}, expansion 128", matches.keys.astype(np.int64), f"{read} vectors one by one"


ENGINES: Mapping[str, tuple[Engine, str]] = {
    "ours": (ours, "numpy"),
    "FAISS": (faiss, "faiss"),
    "Lance": (lance, "lance"),
    "USearch": (usearch, "usearch"),
}
"""The engines, and the module that each needs."""


def engines_table(corpus: Corpus) -> Table:
    """Compare engines at equal numbers of lists."""
    vectors = corpus.sentences[: SIZES[-1]]
    exact = exact_nearest(corpus, len(vectors))
    table = Table(title=f"{len(vectors):,} sentences, {len(corpus.questions)} questions")
    for heading in ("engine", "settings", "recall@10", "read for a question", "seconds"):
        table.add_column(heading)
    for name, (engine, module) in ENGINES.items():
        if find_spec(module) is None:
            table.add_row(name, "not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            for settings, found, read in engine(vectors, corpus.questions, Path(folder)):
                pairs = zip(found.tolist(), exact.tolist(), strict=True)
                recall = np.mean([len(set(one) & set(other)) / COUNT for one, other in pairs])
                took = f"{time.perf_counter() - started:.0f}"
                table.add_row(name, settings, f"{recall:.3f}", read, took)
                started = time.perf_counter()
    return table


@click.command()
@click.option("--engines", is_flag=True, help="Compare other engines instead.")
@click.option(
    "--vectors",
    type=click.Path(path_type=Path),
    default=Path(tempfile.gettempdir()) / "wiki-embeddings-sentences.npz",
    help="File that keeps the vectors.",
)
def main(*, engines: bool, vectors: Path) -> None:
    """Measure what a search with the index finds and reads."""
    console = Console()
    corpus = load_corpus(vectors)
    if engines:
        console.print(engines_table(corpus))
        return
    console.print(bars_table())
    console.print(shares_table(corpus))


if __name__ == "__main__":
    main()
