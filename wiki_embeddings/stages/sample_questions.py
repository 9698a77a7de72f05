"""Questions over the sample wiki, and which passages answer them, wherever these were cut."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

QUESTIONS = Path(__file__).with_name("sample_questions.toml")


@dataclass(frozen=True)
class Question:
    """A question with a known answer.

    Attributes:
        ask: The question.
        kind: What sort of question it is; the file lists them.
        article: Title of the article that answers it.
        answers: Excerpts of the article, verbatim; each is enough to recognise a relevant passage.
    """

    ask: str
    kind: str
    article: str
    answers: tuple[str, ...]


def load_questions() -> list[Question]:
    """Read all questions, in the order of the file."""
    rows = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    return [Question(**{**row, "answers": tuple(row["answers"])}) for row in rows]


def relevant_passages(answers: Sequence[str], passages: Sequence[str]) -> set[int]:
    """Find the relevant passages of an article: for each excerpt the one with most of it.

    Args:
        answers: The excerpts; those that the article does not have are left out.
        passages: All passages of the article, in order; joined together they are its text.

    Returns:
        Indices of passages.
    """
    text = "".join(passages)
    ends = list(accumulate(map(len, passages)))
    relevant = set()
    for answer in answers:
        begin = text.find(answer)
        if begin >= 0:
            end = begin + len(answer)
            shared = [
                min(e, end) - max(e - len(p), begin) for e, p in zip(ends, passages, strict=True)
            ]
            relevant.add(max(range(len(passages)), key=shared.__getitem__))
    return relevant
