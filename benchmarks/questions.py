"""Questions over the sample wiki, and the chunks that answer them, wherever chunks are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wiki_embeddings.chunking import Chunks
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources import sample
from wiki_embeddings.stages.sample_questions import QUESTIONS, Question, relevant_passages

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
"""Kinds of questions; see `sample_questions.toml`."""


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
    passages = [chunks.text[row] for row in rows]
    text = "".join(passages)
    for answer in question.answers:
        if text.count(answer) != 1:
            raise BadInputError(
                f"The answer “{answer}” to “{question.ask}” is {text.count(answer)} times in the "
                f"article “{question.article}”: choose one in {QUESTIONS} that occurs once."
            )
    return sorted(int(rows[passage]) for passage in relevant_passages(question.answers, passages))
