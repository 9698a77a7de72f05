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
    return encoders.load(tiny_model, "cpu", precision="float32")


@pytest.fixture
def commit(hub, tiny_model, tmp_path, monkeypatch):
    """The commit of the same model on the Hub."""
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path / "home"))
    return hub.add(MODEL, tiny_model, repo_type="model")


@pytest.fixture
def read(tmp_path, encoder):
    """Reads the card that says this and that."""

    def read_what(**said):
        card = tmp_path / "README.md"
        card.write_bytes(card_of(encoder, **said))
        return read_card(card, "README.md of a/b", "Mend it.")

    return read_what


def asked(made_by):
    return query_encoder(made_by).encode_texts([QUESTION], query=True)[0]


def test_a_question_is_embedded_with_the_prefix_that_the_card_says(read, encoder):
    made_by = read(query_prefix="Represent this: ")
    (expected,) = encoder.encode_texts([f"Represent this: {QUESTION}"])
    np.testing.assert_array_equal(asked(made_by), expected)
    assert query_encoder(made_by).info.query_prefix == "Represent this: "
    assert not np.allclose(asked(read(query_prefix="other: ")), expected)


def test_the_prefix_of_the_card_goes_before_the_one_that_is_known(
    commit, read, encoder, monkeypatch
):
    monkeypatch.setitem(known.KNOWN_MODELS, MODEL, KnownModel(commit, query_prefix="known: "))
    for prefix, text in [("theirs: ", f"theirs: {QUESTION}"), ("", QUESTION)]:
        made_by = read(model=MODEL, revision=commit, query_prefix=prefix)
        np.testing.assert_array_equal(asked(made_by), encoder.encode_texts([text])[0])
    silent = read(model=MODEL, revision=commit, query_prefix=None)
    np.testing.assert_array_equal(asked(silent), encoder.encode_texts([f"known: {QUESTION}"])[0])


def test_a_model_from_a_folder_is_found_by_its_digest(read, encoder, tiny_model):
    made_by = read()
    assert made_by == VectorModel(str(tiny_model), encoder.info.revision, "mean", "")
    np.testing.assert_array_equal(asked(made_by), encoder.encode_texts([QUESTION])[0])


@pytest.mark.parametrize("model", ["/no/such/model", "tiny-bert", MODEL])
def test_a_folder_that_is_not_here_is_told(read, model):
    with pytest.raises(BadInputError, match=rf"in the folder {model} .*which is not here"):
        query_encoder(read(model=model, revision=WEIGHTS))


def test_a_folder_that_is_named_without_its_path_is_found_beside(read, tiny_model, monkeypatch):
    made_by = read(model=tiny_model.name)
    monkeypatch.chdir(tiny_model.parent)
    assert query_encoder(made_by).info.revision == made_by.revision


def test_a_folder_with_other_weights_is_refused(read):
    with pytest.raises(BadInputError, match=f"not {WEIGHTS}"):
        query_encoder(read(revision=WEIGHTS))


def test_vectors_that_were_pooled_otherwise_are_refused(read):
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
def test_a_card_names_a_commit_on_the_hub_or_a_folder_by_its_digest_and_nothing_else(
    read, model, revision
):
    with pytest.raises(BadInputError, match=r"README\.md of a/b names the model"):
        read(model=model, revision=revision)


@pytest.mark.parametrize("key", ["model", "revision", "pooling", "query_prefix"])
def test_what_is_no_text_is_refused(read, key):
    with pytest.raises(BadInputError, match=f"no text as `wiki_embeddings: {key}:`"):
        read(**{key: 3})


def test_a_card_without_a_revision_is_refused(read):
    with pytest.raises(BadInputError, match="no text as `wiki_embeddings: revision:`"):
        read(model=DEFAULT_MODEL, revision=None)
