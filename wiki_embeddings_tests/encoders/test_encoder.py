"""What the engines `cpu` and `cuda` have in common; `cuda` on the processor, in float32."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.cpu.encoder import TOKEN_BUDGET
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.each_engine import cpu_encoder, cuda_encoder
from wiki_embeddings_tests.encoders.references import (
    TINY,
    cosines,
    random_passages,
    reference_texts,
    reference_vectors,
)


@pytest.fixture(scope="module", params=["cpu", "cuda"])
def load(request):
    engines = {"cpu": cpu_encoder, "cuda": partial(cuda_encoder, token_budget=TOKEN_BUDGET)}
    return engines[request.param]


@pytest.fixture(scope="module")
def minilm(load) -> Encoder:
    return load(None)


@pytest.fixture(scope="module")
def tiny(load) -> Encoder:
    return load(TINY)


def test_mean_pooling_agrees_with_sentence_transformers(minilm):
    vectors = minilm.encode_texts(reference_texts())
    assert cosines(vectors, reference_vectors("minilm", "texts")).min() >= 0.9999


@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_cls_pooling_with_prompts_agrees_with_sentence_transformers(tiny, kind, query):
    vectors = tiny.encode_texts(reference_texts(), query=query)
    assert tiny.info.pooling == "cls"
    np.testing.assert_allclose(vectors, reference_vectors("tiny_cls", kind), atol=1e-5)


def test_a_query_has_another_prefix_than_a_passage(tiny):
    query, passage = (tiny.encode_texts(["snow"], query=query)[0] for query in (True, False))
    assert not np.allclose(query, passage, atol=1e-3)


def test_vectors_are_float32_and_have_length_one(minilm):
    vectors = minilm.encode_texts(reference_texts()[:30])
    assert vectors.dtype == np.float32
    assert vectors.shape == (30, minilm.info.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("query", [False, True])
def test_no_texts_give_no_vectors(tiny, query):
    assert tiny.encode([]).shape == (0, 48)
    assert tiny.encode_texts([], query=query).shape == (0, 48)


def test_token_ids_of_any_width_give_the_vector_of_their_text(minilm):
    text = "fresh snow reflects most of the sunlight"
    ids = [4840, 4586, 11138, 2087, 1997, 1996, 9325]
    for dtype in (np.uint16, np.uint32, np.int64):
        vector = minilm.encode([np.array(ids, dtype=dtype)])
        np.testing.assert_array_equal(vector, minilm.encode_texts([text]))


def test_a_passage_without_tokens_is_encoded_as_the_empty_text(tiny):
    empty = tiny.encode([np.array([], dtype=np.uint16)])
    np.testing.assert_array_equal(empty, tiny.encode_texts([""]))


def test_vectors_are_in_the_order_of_the_passages(tiny):
    passages = random_passages([3, 50, 0, 12, 50, 1, 30, 2])
    alone = np.concatenate([tiny.encode([passage]) for passage in passages])
    np.testing.assert_allclose(tiny.encode(passages), alone, atol=1e-5)


def test_thousands_of_passages_of_all_lengths_keep_their_order(tiny):
    passages = random_passages(np.random.default_rng(1).integers(0, 60, size=5000))
    vectors = tiny.encode(passages)
    shuffled = np.random.default_rng(2).permutation(len(passages))
    again = tiny.encode([passages[index] for index in shuffled])
    np.testing.assert_allclose(again, vectors[shuffled], atol=1e-5)


def test_the_same_passages_give_the_same_bytes_again(tiny):
    passages = random_passages(range(61))
    np.testing.assert_array_equal(tiny.encode(passages), tiny.encode(passages))


def test_progress_counts_every_passage_once(tiny):
    seen: list[int] = []
    tiny.encode(random_passages([40] * (3 * TOKEN_BUDGET // 40)), progress=seen.append)
    assert sum(seen) == 3 * TOKEN_BUDGET // 40
    assert len(seen) >= 3


def test_an_interrupt_from_progress_stops_the_encoding_and_spares_the_encoder(tiny):
    def interrupt(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.encode(random_passages([40] * 100), progress=interrupt)
    assert tiny.encode(random_passages([4])).shape == (1, 48)


def test_the_longest_passage_fits_and_one_more_token_is_refused(minilm):
    assert minilm.encode(random_passages([254], 30000)).shape == (1, 384)
    with pytest.raises(BadInputError, match=r"255 tokens.*reads at most 254"):
        minilm.encode(random_passages([3, 255], 30000))


def test_the_prefix_counts_towards_the_length(tiny):
    prefix = 2  # "passage" and ":"
    assert tiny.encode(random_passages([62 - prefix])).shape == (1, 48)
    with pytest.raises(BadInputError, match="reads at most 60"):
        tiny.encode(random_passages([62 - prefix + 1]))


@pytest.mark.parametrize("ids", [[30522], [-1], [2**31 - 1]])
def test_ids_of_another_vocabulary_are_refused(minilm, ids):
    with pytest.raises(BadInputError, match="tokenised for another model"):
        minilm.encode([np.array([2054]), np.array(ids)])


@pytest.mark.parametrize("passage", [np.zeros(3), np.zeros((2, 2), dtype=np.int32)])
def test_a_passage_that_is_no_list_of_integers_is_refused(minilm, passage):
    with pytest.raises(BadInputError, match="integers of shape"):
        minilm.encode([passage])


def test_a_lone_surrogate_is_refused(minilm):
    with pytest.raises(BadInputError, match="not valid Unicode"):
        minilm.encode_texts(["good", "bad \ud800"])


@pytest.mark.parametrize(
    "texts",
    ["abc", b"abc", None, 3, {"abc": 1}, {"abc"}, np.array("abc"), np.array([["abc"]])],
    ids=lambda texts: type(texts).__name__,
)
@pytest.mark.parametrize("query", [False, True])
def test_what_is_no_list_of_texts_is_refused(tiny, texts, query):
    """A string would be embedded letter by letter, a dictionary by its keys."""
    with pytest.raises(BadInputError, match=f"A {type(texts).__name__} is not a list of texts"):
        tiny.encode_texts(texts, query=query)


@pytest.mark.parametrize("item", [None, b"snow", 3, ["snow"], np.nan])
def test_an_item_that_is_no_text_is_refused_by_its_number(tiny, item):
    kind = type(item).__name__
    with pytest.raises(BadInputError, match=f"Text 1 is a {kind}, not a str"):
        tiny.encode_texts(["snow", item])


@pytest.mark.parametrize("passages", ["abc", b"abc", None, {1: np.array([5])}])
def test_what_is_no_list_of_passages_is_refused(tiny, passages):
    kind = type(passages).__name__
    with pytest.raises(BadInputError, match=f"A {kind} is not a list of arrays of token ids"):
        tiny.encode(passages)


@pytest.mark.parametrize("passage", [[5, 6], "snow", None])
def test_a_passage_that_is_no_array_is_refused(tiny, passage):
    with pytest.raises(BadInputError, match=f"Passage 1 is a {type(passage).__name__}"):
        tiny.encode([np.array([5]), passage])


def test_one_passage_alone_is_refused(tiny):
    with pytest.raises(BadInputError, match=r"of shape \(\): token ids are integers of shape"):
        tiny.encode(np.array([5, 6, 7]))


def test_texts_and_passages_may_come_from_any_iterable(tiny):
    texts, passages = ["snow", "troy"], random_passages([3, 5])
    expected = tiny.encode_texts(texts)
    for given in (tuple(texts), iter(texts), np.array(texts), np.array(texts, dtype=object)):
        np.testing.assert_array_equal(tiny.encode_texts(given), expected)
    np.testing.assert_array_equal(tiny.encode(iter(passages)), tiny.encode(passages))
