"""The encoder of questions: the vectors of the engine `cpu`, in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.cpu.numpy_bert import exact_gelu
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY, random_passages, unpacked_xlmr

QUESTIONS = ["", "Who fell at Troy?", "How bright is fresh snow? " * 100]


@pytest.mark.parametrize("model", ["tiny_cls", "tiny_xlmr", "bundled"])
def test_questions_have_the_vectors_of_the_engine_cpu(model, tmp_path):
    places = {"tiny_cls": lambda: TINY, "tiny_xlmr": lambda: unpacked_xlmr(tmp_path)}
    name = places[model]() if model in places else encoders.describe().model
    exact = encoders.load(name, "cpu", precision="float32", query_prefix="find: ")
    numpy = encoders.load_for_queries(name, query_prefix="find: ")
    vectors = numpy.encode_texts(QUESTIONS, query=True)
    np.testing.assert_allclose(vectors, exact.encode_texts(QUESTIONS, query=True), atol=2e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert numpy.info.query_prefix == "find: "
    assert numpy.info.pooling == exact.info.pooling


def test_it_encodes_passages_and_refuses_what_is_no_text_like_any_encoder():
    exact, numpy = encoders.load(TINY, "cpu", precision="float32"), encoders.load_for_queries(TINY)
    passages = random_passages([0, 1, 60])
    counted: list[int] = []
    vectors = numpy.encode(passages, progress=counted.append)
    np.testing.assert_allclose(vectors, exact.encode(passages), atol=2e-6)
    assert sum(counted) == len(passages)
    with pytest.raises(BadInputError, match="not valid Unicode"):
        numpy.encode_texts(["\ud800"], query=True)


def test_gelu_is_exact_to_single_precision():
    values = np.linspace(-8, 8, 4001, dtype=np.float32)
    expected = [x / 2 * (1 + math.erf(x / math.sqrt(2))) for x in values.tolist()]
    np.testing.assert_allclose(exact_gelu(values), expected, atol=1e-6)
