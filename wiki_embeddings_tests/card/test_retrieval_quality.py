from __future__ import annotations

from wiki_embeddings.card import card
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings_tests.card.cards import MINILM, section, with_settings


def quality(vectors, precision="float32", **chunks):
    """The section on retrieval of a card for MiniLM."""
    made = with_settings(vectors, "embeddings", **MINILM, precision=precision)
    return section(card(with_settings(made, "chunks", **chunks)), "Retrieval quality")


def test_retrieval_results_are_those_of_the_same_settings(vectors):
    with_titles = quality(vectors)
    assert "not on this edition: 167 questions about 83" in with_titles
    assert "| vectors in float32, as here | 0.635 | 0.874 | 0.928 | 0.743 |" in with_titles
    assert "| vectors in int8 | 0.641 | 0.880 | 0.928 | 0.743 |" in with_titles
    assert "| BM25, for comparison | 0.647 | 0.802 | 0.826 | 0.719 |" in with_titles
    assert "were not measured" not in with_titles
    assert "Not measured with these settings." in quality(vectors, title_prefix=False)


def test_settings_without_measurements_are_marked(vectors):
    assert "computed in float16, like these, were not measured" in quality(vectors, "float16")
    assert "Not measured with these settings." in quality(vectors, token_budget=128)
    assert "Not measured with these settings." in section(card(vectors), "Retrieval quality")


def test_the_published_score_of_the_model_names_its_source(vectors):
    text = quality(vectors, token_budget=128)
    assert "mean nDCG@10 of 41.95, according to the\ncard of [thenlper/gte-small]" in text
    assert "not this dataset" in text


def test_every_known_model_but_one_has_a_published_score():
    assert [name for name, model in KNOWN_MODELS.items() if model.retrieval is None] == [
        "intfloat/multilingual-e5-small"
    ]
