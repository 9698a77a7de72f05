"""Questions over the sample wiki, and the chunks that answer them, wherever chunks are cut."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wiki_embeddings.chunking import Chunks
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources import sample

QUESTIONS = Path(__file__).with_name("questions.toml")

KINDS = (
    "fact",
    "paraphrase",
    "entity",
    "number",
    "why",
    "context",
    "keywords",
    "similar",
    "section",
)
"""Kinds of questions; see `questions.toml`."""


@dataclass(frozen=True)
class Question:
    """A question with a known answer.

    Attributes:
        ask: The question.
        kind: One of `KINDS`.
        article: Title of the article that answers it.
        answers: Excerpts of the article, verbatim; each is enough to recognise a relevant passage.
    """

    ask: str
    kind: str
    article: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Article:
    """An article of the sample.

    Attributes:
        title: Its title.
        text: Its plain text.
        headings: Code point at which each heading begins, and its level.
    """

    title: str
    text: str
    headings: tuple[tuple[int, int], ...]


def load_questions() -> list[Question]:
    """Read all questions, in the order of the file."""
    rows = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    return [Question(**{**row, "answers": tuple(row["answers"])}) for row in rows]


def sample_articles() -> dict[str, str]:
    """Return the text of each article of the sample by its title; titles are unique."""
    return {article.title: article.text for article in articles_with_headings()}


def articles_with_headings() -> list[Article]:
    """Return the articles of the sample."""
    return [
        Article(
            row["title"],
            row["text"],
            tuple((heading["start"], heading["level"]) for heading in row["headings"]),
        )
        for part in sample.plan().parts
        for batch in sample.open_part(part, lambda _articles: None).batches
        for row in batch.select(["title", "text", "headings"]).to_pylist()
    ]


def relevant_chunks(question: Question, titles: Sequence[str], chunks: Chunks) -> list[int]:
    """Return the numbers of the relevant chunks: for each excerpt the one with most of it.

    Args:
        question: The question.
        titles: Titles of the articles that were cut.
        chunks: Their chunks.

    Raises:
        BadInputError: The article is not among them, or an excerpt is not exactly once in its text.
    """
    if question.article not in titles:
        raise BadInputError(
            f"The question “{question.ask}” is answered by the article “{question.article}”, which "
            f"is not in the sample: correct it in {QUESTIONS}."
        )
    rows = np.flatnonzero(chunks.article == titles.index(question.article))
    text = "".join(chunks.text[row] for row in rows)
    begins = chunks.start[rows]
    ends = np.append(begins[1:], len(text))
    relevant = set()
    for answer in question.answers:
        if text.count(answer) != 1:
            raise BadInputError(
                f"The answer “{answer}” to “{question.ask}” is {text.count(answer)} times in the "
                f"article “{question.article}”: choose one in {QUESTIONS} that occurs once."
            )
        begin = text.index(answer)
        overlaps = np.minimum(ends, begin + len(answer)) - np.maximum(begins, begin)
        relevant.add(int(rows[overlaps.argmax()]))
    return sorted(relevant)
