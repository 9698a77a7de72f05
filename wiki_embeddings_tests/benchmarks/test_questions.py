from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.questions import KINDS, relevant_chunks, sample_articles
from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.chunking import Chunks, ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.stages.sample_questions import Question, load_questions

QUESTIONS = load_questions()

TITLES = ["Sea", "Sky"]
TEXTS = [["The sea is deep ", "and salty."], ["The sky ", "is blue. ", "It is high."]]


@pytest.fixture(scope="module")
def articles() -> dict[str, str]:
    return sample_articles()


def make_chunks(texts: list[list[str]]) -> Chunks:
    """Make chunks of articles that are already cut; their tokens do not matter here."""
    rows = [(article, index) for article, parts in enumerate(texts) for index in range(len(parts))]
    return Chunks(
        article=np.array([article for article, _ in rows]),
        chunk_index=np.array([index for _, index in rows], np.int32),
        start=np.array([len("".join(texts[article][:index])) for article, index in rows]),
        text=[texts[article][index] for article, index in rows],
        tokens=np.zeros(len(rows), np.uint16),
        token_offsets=np.arange(len(rows) + 1),
    )


def question(article: str, *answers: str) -> Question:
    return Question("What is it like?", "fact", article, answers)


def test_there_are_questions_of_every_kind_over_most_of_the_sample():
    kinds = Counter(question.kind for question in QUESTIONS)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 10
    assert len(QUESTIONS) >= 80
    assert len({question.article for question in QUESTIONS}) >= 50
    assert len({question.ask for question in QUESTIONS}) == len(QUESTIONS)


def test_every_answer_occurs_once_in_the_whole_sample_in_its_article(articles):
    found = {
        (question.ask, answer): {
            title: text.count(answer) for title, text in articles.items() if answer in text
        }
        for question in QUESTIONS
        for answer in question.answers
    }
    relevant = {
        (question.ask, answer): {question.article: 1}
        for question in QUESTIONS
        for answer in question.answers
    }
    assert found == relevant


def five_grams(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {" ".join(words[index : index + 5]) for index in range(len(words) - 4)}


def test_no_question_is_worded_like_its_answer():
    """Otherwise it would only measure whether a passage can be found by its own words."""
    copied = {
        asked.ask: five_grams(asked.ask) & five_grams(answer)
        for asked in QUESTIONS
        for answer in asked.answers
    }
    assert {ask: shared for ask, shared in copied.items() if shared} == {}


@pytest.mark.parametrize(("budget", "titled"), [(256, False), (256, True), (128, False)])
def test_every_question_is_answered_by_a_chunk_wherever_the_chunks_are_cut(
    articles, budget, titled
):
    tokenizer = load_tokenizer(bundled_model() / "tokenizer.json")
    titles = list(articles)
    chunks = chunk_articles(
        tokenizer, titles, list(articles.values()), ChunkSettings(budget, titled)
    )
    for asked in QUESTIONS:
        relevant = relevant_chunks(asked, titles, chunks)
        assert 1 <= len(relevant) <= len(asked.answers)
        assert {titles[chunks.article[row]] for row in relevant} == {asked.article}
        text = " ".join(chunks.text[row] for row in relevant)
        for answer in asked.answers:
            halves = (answer[: len(answer) // 2], answer[len(answer) // 2 :])
            assert any(half in text for half in halves)


def test_the_chunk_with_the_answer_is_relevant():
    chunks = make_chunks(TEXTS)
    assert relevant_chunks(question("Sea", "deep"), TITLES, chunks) == [0]
    assert relevant_chunks(question("Sky", "The sky"), TITLES, chunks) == [2]
    assert relevant_chunks(question("Sky", "high"), TITLES, chunks) == [4]


def test_if_an_answer_is_cut_the_chunk_with_more_of_it_is_relevant():
    chunks = make_chunks(TEXTS)
    assert relevant_chunks(question("Sea", "deep and sal"), TITLES, chunks) == [1]
    assert relevant_chunks(question("Sea", "sea is deep and"), TITLES, chunks) == [0]
    assert relevant_chunks(question("Sky", "sky is blue. It"), TITLES, chunks) == [3]


def test_several_answers_make_several_chunks_relevant_without_duplicates():
    asked = question("Sky", "The sky", "high", "It is")
    assert relevant_chunks(asked, TITLES, make_chunks(TEXTS)) == [2, 4]


def test_a_question_about_a_missing_article_is_refused():
    with pytest.raises(BadInputError, match=r"“Sun”, which is not in the sample"):
        relevant_chunks(question("Sun", "hot"), TITLES, make_chunks(TEXTS))


@pytest.mark.parametrize(("answer", "times"), [("green", 0), ("is", 2)])
def test_an_answer_that_does_not_occur_exactly_once_is_refused(answer, times):
    asked = replace(question("Sky", answer), ask="Why?")
    with pytest.raises(BadInputError, match=rf"“{answer}” to “Why\?” is {times} times"):
        relevant_chunks(asked, TITLES, make_chunks(TEXTS))
