"""Measures whether search finds a relevant passage, for each engine and precision.

    .venv-bench/bin/python -m benchmarks.retrieval
    .venv-bench/bin/python -m benchmarks.retrieval --sections

The chunks of the whole sample are ranked for each question of `sample_questions.toml`, with the
article's title in front of each chunk and without, by every engine and precision that can run here,
by sentence-transformers on the same weights, and by BM25. Recall at k counts the questions with a
relevant chunk among the first k, and MRR is the mean of 1 / rank over all chunks. Differences are
paired over the questions, with 95 % bootstrap intervals. `--sections` compares the ways to use the
articles' sections instead, with titles and one encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.questions import (
    KINDS,
    articles_with_headings,
    relevant_chunks,
    sample_articles,
)
from benchmarks.ranking import (
    Quality,
    Ranks,
    Scores,
    first_relevant_ranks,
    hits,
    paired_difference,
    reciprocal_ranks,
)
from benchmarks.section_variants import VARIANTS, cut_variant
from wiki_embeddings import encoders
from wiki_embeddings.chunking import chunk_articles
from wiki_embeddings.encoders.models.resolve import ResolvedModel, resolve
from wiki_embeddings.encoders.protocol import TokenIds, Vectors
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.stages.article_chunker import load_chunker
from wiki_embeddings.stages.sample_questions import Question, load_questions

TOKEN_BUDGET = 256  # the default of `chunked_volume`
REFERENCE = "cpu float32"
PRECISIONS = [
    ("cpu", "float32"),
    ("cpu", "int8"),
    ("cuda", "float16"),
    ("tei", "float16"),
]
"""Engines and precisions to measure; those that cannot run here are named under the table."""


@dataclass(frozen=True)
class Corpus:
    """The chunks to search, and the questions.

    Attributes:
        model: The model whose tokenizer cut the chunks, and which embeds them.
        texts: Text of each chunk for the peers, with the title in front if there is one.
        tokens: Token ids of each chunk for our encoders.
        questions: Text of each question.
    """

    model: ResolvedModel
    texts: list[str]
    tokens: Sequence[TokenIds]
    questions: list[str]


Method = Callable[[Corpus], Mapping[str, Scores]]
"""Scores every chunk for every question in one or more ways; returns scores by row name."""


@dataclass(frozen=True)
class Row:
    """Ranks of the relevant chunks by one search method.

    Attributes:
        name: The method.
        titled: True if titles stood in front of the chunks.
        ranks: Rank of the first relevant chunk for each question.
    """

    name: str
    titled: bool
    ranks: Ranks


def bm25(corpus: Corpus) -> Mapping[str, Scores]:
    """Rank by words alone: English stemming and stop words, and the library's parameters."""
    import bm25s  # type: ignore[import-not-found]  # only in .venv-bench
    import Stemmer  # type: ignore[import-not-found]  # only in .venv-bench

    def words(texts: list[str]) -> list[list[str]]:
        stemmer = Stemmer.Stemmer("english")
        found: list[list[str]] = bm25s.tokenize(
            texts, stopwords="en", stemmer=stemmer, return_ids=False, show_progress=False
        )
        return found

    index = bm25s.BM25()
    index.index(words(corpus.texts), show_progress=False)
    return {"BM25": np.stack([index.get_scores(asked) for asked in words(corpus.questions)])}


def sentence_transformers(corpus: Corpus) -> Mapping[str, Scores]:
    """Rank by the peer, in float32 on the processor, with its own batches."""
    from sentence_transformers import (  # type: ignore[import-not-found]  # only in .venv-bench
        SentenceTransformer,
    )

    peer = SentenceTransformer(str(corpus.model.folder), device="cpu")

    def encode(prefix: str, texts: list[str]) -> Vectors:
        vectors: Vectors = peer.encode(
            [prefix + text for text in texts], normalize_embeddings=True, show_progress_bar=False
        )
        return vectors

    passages = encode(corpus.model.passage_prefix, corpus.texts)
    return {
        "sentence-transformers": encode(corpus.model.query_prefix, corpus.questions) @ passages.T
    }


def ours(engine: str, precision: str) -> Method:
    """Rank by one of our engines; questions are encoded by `cpu` in float32, as in `search`.

    Float32 vectors are also scored in float16, as the dataset stores them.
    """

    def rank(corpus: Corpus) -> Mapping[str, Scores]:
        model = corpus.model
        load = partial(encoders.load, model.name, revision=model.revision)
        exact = load(engine="cpu", precision="float32")
        questions = exact.encode_texts(corpus.questions, query=True)
        passages = load(engine=engine, precision=precision).encode(corpus.tokens)
        scores = {f"{engine} {precision}": questions @ passages.T}
        if precision == "float32":
            stored = passages.astype(np.float16).astype(np.float32)
            scores[f"{engine} {precision}, stored as float16"] = questions @ stored.T
        return scores

    return rank


PEERS: Mapping[str, tuple[Method, tuple[str, ...]]] = {
    "BM25": (bm25, ("bm25s", "Stemmer")),
    "sentence-transformers": (sentence_transformers, ("sentence_transformers",)),
}
"""The peers, and the packages that each needs."""


def available_methods(model: ResolvedModel) -> tuple[dict[str, Method], dict[str, str]]:
    """Return the methods that can run on this machine, and why the others cannot."""
    available: dict[str, Method] = {}
    unavailable = {}
    for peer, (method, packages) in PEERS.items():
        if missing := [package for package in packages if find_spec(package) is None]:
            unavailable[peer] = f"Not installed: {', '.join(missing)}."
        else:
            available[peer] = method
    for engine, precision in PRECISIONS:
        name = f"{engine} {precision}"
        try:
            encoders.describe(model.name, engine, revision=model.revision, precision=precision)
        except BadInputError as error:
            unavailable[name] = str(error)
        else:
            available[name] = ours(engine, precision)
    return available, unavailable


def cut(
    model: ResolvedModel,
    articles: Mapping[str, str],
    questions: Sequence[Question],
    titled: bool,
) -> tuple[Corpus, list[list[int]]]:
    """Cut articles into chunks.

    Returns:
        The chunks with the questions, and the numbers of the relevant chunks of each question.
    """
    titles = list(articles)
    chunker = load_chunker(model.name, model.revision, TOKEN_BUDGET, titled)
    chunks = chunk_articles(chunker.tokenizer, titles, list(articles.values()), chunker.settings)
    texts = [
        f"{titles[article]} {text}" if titled else text
        for article, text in zip(chunks.article, chunks.text, strict=True)
    ]
    tokens = np.split(chunks.tokens, chunks.token_offsets[1:-1])
    relevant = [relevant_chunks(question, titles, chunks) for question in questions]
    return Corpus(model, texts, tokens, [question.ask for question in questions]), relevant


def measure(
    model: ResolvedModel,
    questions: Sequence[Question],
    methods: Mapping[str, Method],
    console: Console,
) -> list[Row]:
    """Rank the chunks by each method, without and with titles."""
    rows = []
    articles = sample_articles()
    for titled in (False, True):
        corpus, relevant = cut(model, articles, questions, titled)
        for name, method in methods.items():
            with console.status(f"{name}, {describe_titles(titled)}: {len(corpus.texts)} chunks"):
                for row_name, scores in method(corpus).items():
                    rows.append(Row(row_name, titled, first_relevant_ranks(scores, relevant)))
    return rows


def describe_titles(titled: bool) -> str:
    """Say whether titles stand in front."""
    return "with titles" if titled else "without titles"


def format_difference(quality: Quality, reference: Quality) -> str:
    """Format the difference of the means with its interval, marked if it is beyond chance."""
    gain = paired_difference(quality, reference)
    mark = "" if gain.is_noise else " *"
    return f"{gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]{mark}"


def quality_table(rows: Sequence[Row], titled: bool) -> Table:
    """Make the table of recall and MRR by method, with the MRR's difference from our float32's."""
    table = Table(title=describe_titles(titled).capitalize(), title_justify="left")
    table.add_column("search by")
    for heading in ("recall@1", "recall@5", "recall@10", "MRR"):
        table.add_column(heading, justify="right")
    table.add_column(f"MRR less {REFERENCE}'s")
    chosen = {row.name: row.ranks for row in rows if row.titled == titled}
    for name, ranks in chosen.items():
        figures = [*(hits(ranks, count) for count in (1, 5, 10)), reciprocal_ranks(ranks)]
        comparison = ""
        if REFERENCE in chosen and name != REFERENCE:
            comparison = format_difference(figures[-1], reciprocal_ranks(chosen[REFERENCE]))
        table.add_row(name, *(f"{figure.mean():.3f}" for figure in figures), comparison)
    return table


def titles_table(rows: Sequence[Row], questions: Sequence[Question]) -> Table:
    """Make the table of what titles change, by method, then by kind for our float32."""
    table = Table(title="From without to with titles", title_justify="left")
    table.add_column("search by")
    for heading in ("questions", "MRR", "difference", "recall@10", "difference"):
        table.add_column(heading, justify="right" if heading == "questions" else "left")
    ranks = {(row.name, row.titled): row.ranks for row in rows}
    kinds = np.array([question.kind for question in questions])

    def add(label: str, name: str, asked: np.ndarray) -> None:
        without, titled = ranks[name, False][asked], ranks[name, True][asked]
        cells = []
        for before, after in (
            (reciprocal_ranks(without), reciprocal_ranks(titled)),
            (hits(without, 10), hits(titled, 10)),
        ):
            cells += [f"{before.mean():.3f} → {after.mean():.3f}", format_difference(after, before)]
        table.add_row(label, str(asked.sum()), *cells)

    names = dict.fromkeys(row.name for row in rows)
    for name in names:
        add(name, name, np.ones(len(questions), np.bool_))
    if REFERENCE in names:
        table.add_section()
        for kind in KINDS:
            add(f"{REFERENCE}: {kind}", REFERENCE, kinds == kind)
    return table


def sections_table(
    model: ResolvedModel, questions: Sequence[Question], precision: str, console: Console
) -> Table:
    """Make the table of what each way to use sections changes, by our encoder on the processor."""
    table = Table(title=f"By the use of sections, cpu {precision}", title_justify="left")
    for heading in ("variant", "chunks", "kind", "recall@1", "recall@10", "difference"):
        table.add_column(heading)
    table.add_column("MRR")
    table.add_column("difference")
    articles = articles_with_headings()
    titles = [article.title for article in articles]
    chunker = load_chunker(model.name, model.revision, TOKEN_BUDGET, title_prefix=True)
    about_sections = np.array([question.kind == "section" for question in questions])
    groups = {"all": np.ones_like(about_sections), "section": about_sections}
    asked = [question.ask for question in questions]
    method = ours("cpu", precision)
    reference: Ranks | None = None
    for name, variant in VARIANTS.items():
        with console.status(name):
            chunks = cut_variant(chunker.tokenizer, chunker.settings, articles, variant)
            tokens = np.split(chunks.tokens, chunks.token_offsets[1:-1])
            relevant = [relevant_chunks(question, titles, chunks) for question in questions]
            scores = method(Corpus(model, [], tokens, asked))[f"cpu {precision}"]
            ranks = first_relevant_ranks(scores, relevant)
        reference = ranks if reference is None else reference
        for kind, group in groups.items():
            cells = [f"{hits(ranks[group], 1).mean():.3f}"]
            for after, before in (
                (hits(ranks[group], 10), hits(reference[group], 10)),
                (reciprocal_ranks(ranks[group]), reciprocal_ranks(reference[group])),
            ):
                cells += [f"{after.mean():.3f}", format_difference(after, before)]
            table.add_row(name, str(len(chunks)), kind, *cells)
    return table


@click.command()
@click.option("--model", default=None, help="Name on the Hub or folder; the sample's by default.")
@click.option(
    "--method",
    "wanted",
    multiple=True,
    help="Measure this alone, such as “cpu float32” or BM25; may be given several times.",
)
@click.option(
    "--quick", is_flag=True, help="Leave out sentence-transformers, which takes half of the time."
)
@click.option("--sections", is_flag=True, help="Compare ways to use sections, by `cpu` in int8.")
def main(model: str | None, wanted: tuple[str, ...], quick: bool, sections: bool) -> None:
    """Measure whether search finds a relevant passage."""
    console = Console()
    resolved = resolve(model)
    questions = load_questions()
    if sections:
        console.print(sections_table(resolved, questions, "int8", console))
        return
    methods, unavailable = available_methods(resolved)
    if unknown := set(wanted) - {*methods, *unavailable}:
        raise click.BadParameter(
            f"{', '.join(sorted(unknown))}: choose among {', '.join([*methods, *unavailable])}."
        )
    if quick:
        methods.pop("sentence-transformers", None)
    if wanted:
        methods = {name: method for name, method in methods.items() if name in wanted}
    rows = measure(resolved, questions, methods, console)
    console.print(f"{len(questions)} questions, {resolved.name}, {TOKEN_BUDGET} tokens a chunk")
    for titled in (False, True):
        console.print(quality_table(rows, titled))
    console.print(titles_table(rows, questions))
    console.print("Differences with 95 % intervals; * marks those beyond chance.")
    for name, reason in unavailable.items():
        console.print(f"Not measured here: {name}. {reason}")


if __name__ == "__main__":
    main()
