from __future__ import annotations

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models import known
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KnownModel
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.search.vector_model import VectorModel, query_encoder, read_card
from wiki_embeddings_tests.support.passages import card_of

MODEL = "some-lab/tiny-bert"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = "sha256:" + "a" * 64
QUESTION = "Who fell at Troy?"


@pytest.fixture
def encoder(tiny_model):
    """The tiny model in its folder, which has no prefixes."""
    return encoders.load_for_queries(tiny_model)


@pytest.fixture
def commit(hub, tiny_model, tmp_path, monkeypatch):
    """The commit of the same model on the Hub."""
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path / "home"))
    return hub.add(MODEL, tiny_model, repo_type="model")


@pytest.fixture
def read(tmp_path, encoder):
    """Writes a card with the given fields, and reads it."""

    def write_and_read(**fields):
        card = tmp_path / "README.md"
        card.write_bytes(card_of(encoder, **fields))
        return read_card(card, "README.md of a/b", "Mend it.")

    return write_and_read


def encode_question(model):
    return query_encoder(model).encode_texts([QUESTION], query=True)[0]


def test_a_question_gets_the_prefix_of_the_card(read, encoder):
    model_of_card = read(query_prefix="Represent this: ")
    (expected,) = encoder.encode_texts([f"Represent this: {QUESTION}"])
    np.testing.assert_array_equal(encode_question(model_of_card), expected)
    assert query_encoder(model_of_card).info.query_prefix == "Represent this: "
    assert not np.allclose(encode_question(read(query_prefix="other: ")), expected)


def test_the_prefix_of_the_card_takes_precedence_over_the_known_one(
    commit, read, encoder, monkeypatch
):
    monkeypatch.setitem(known.KNOWN_MODELS, MODEL, KnownModel(commit, query_prefix="known: "))
    for prefix, text in [("theirs: ", f"theirs: {QUESTION}"), ("", QUESTION)]:
        model_of_card = read(model=MODEL, revision=commit, query_prefix=prefix)
        np.testing.assert_array_equal(
            encode_question(model_of_card), encoder.encode_texts([text])[0]
        )
    unset = read(model=MODEL, revision=commit, query_prefix=None)
    np.testing.assert_array_equal(
        encode_question(unset), encoder.encode_texts([f"known: {QUESTION}"])[0]
    )


def test_a_model_from_a_folder_is_found_by_its_digest(read, encoder, tiny_model):
    model_of_card = read()
    assert model_of_card == VectorModel(str(tiny_model), encoder.info.revision, "mean", "")
    np.testing.assert_array_equal(
        encode_question(model_of_card), encoder.encode_texts([QUESTION])[0]
    )


@pytest.mark.parametrize("model", ["/no/such/model", "tiny-bert", MODEL])
def test_a_missing_model_folder_is_named(read, model):
    with pytest.raises(BadInputError, match=rf"in the folder {model} .*which is not here"):
        query_encoder(read(model=model, revision=WEIGHTS))


def test_a_model_folder_is_found_by_name_in_the_working_directory(read, tiny_model, monkeypatch):
    model_of_card = read(model=tiny_model.name)
    monkeypatch.chdir(tiny_model.parent)
    assert query_encoder(model_of_card).info.revision == model_of_card.revision


def test_a_folder_with_other_weights_is_refused(read):
    with pytest.raises(BadInputError, match=f"not {WEIGHTS}"):
        query_encoder(read(revision=WEIGHTS))


def test_vectors_with_another_pooling_are_refused(read):
    with pytest.raises(BadInputError, match=r"pooled by 'cls', but .* pools by mean"):
        query_encoder(read(pooling="cls"))


@pytest.mark.parametrize(
    ("model", "revision"),
    [
        ("/etc", COMMIT),
        ("./models/tiny", COMMIT),
        ("../models", COMMIT),
        ("models", COMMIT),
        ("https://example.org/tiny", COMMIT),
        (MODEL, "main"),
        (MODEL, COMMIT[:7]),
        ("models/tiny\n", COMMIT),
        ("/models/tiny\x1b[2J", WEIGHTS),
        ("/etc", "sha256:"),
        ("/etc", "main"),
    ],
)
def test_a_card_must_name_a_commit_on_the_hub_or_a_folder_by_digest(read, model, revision):
    with pytest.raises(BadInputError, match=r"README\.md of a/b names the model"):
        read(model=model, revision=revision)


@pytest.mark.parametrize("key", ["model", "revision", "pooling", "query_prefix"])
def test_a_field_that_is_not_text_is_refused(read, key):
    with pytest.raises(BadInputError, match=f"no text as `wiki_embeddings: {key}:`"):
        read(**{key: 3})


def test_a_card_without_a_revision_is_refused(read):
    with pytest.raises(BadInputError, match="no text as `wiki_embeddings: revision:`"):
        read(model=DEFAULT_MODEL, revision=None)
