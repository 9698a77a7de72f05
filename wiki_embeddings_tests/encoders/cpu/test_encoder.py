from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.cpu.bert_graph import bert_graph
from wiki_embeddings.encoders.cpu.encoder import TOKEN_BUDGET
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY, reference_texts, reference_vectors

TINY_VOCABULARY = 132


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return encoders.load(engine="cpu", precision="float32")


@pytest.fixture(scope="module")
def tiny() -> Encoder:
    return encoders.load(TINY, "cpu")


def passages(lengths, vocab_size, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(5, vocab_size, size=length, dtype=np.uint16) for length in lengths]


def cosines(left, right):
    return np.einsum("ij,ij->i", left, right)


def test_mean_pooling_agrees_with_sentence_transformers(minilm):
    vectors = minilm.encode_texts(reference_texts())
    agreement = cosines(vectors, reference_vectors("minilm", "texts"))
    assert agreement.mean() >= 0.9999
    assert agreement.min() >= 0.999


@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_cls_pooling_with_prompts_agrees_with_sentence_transformers(tiny, kind, query):
    vectors = tiny.encode_texts(reference_texts(), query=query)
    expected = reference_vectors("tiny_cls", kind)
    assert tiny.info.pooling == "cls"
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_query_gets_another_prefix_than_a_passage(tiny):
    query, passage = (tiny.encode_texts(["snow"], query=query)[0] for query in (True, False))
    assert not np.allclose(query, passage, atol=1e-3)


def test_vectors_have_length_one_and_are_float32(minilm):
    vectors = minilm.encode_texts(reference_texts()[:30])
    assert vectors.dtype == np.float32
    assert vectors.shape == (30, minilm.info.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("query", [False, True])
def test_no_texts_give_no_vectors(tiny, query):
    assert tiny.encode([]).shape == (0, 48)
    assert tiny.encode_texts([], query=query).shape == (0, 48)


def test_token_ids_give_the_vector_of_their_text(minilm):
    text = "fresh snow reflects most of the sunlight"
    ids = [4840, 4586, 11138, 2087, 1997, 1996, 9325]
    for dtype in (np.uint16, np.uint32, np.int64):
        vector = minilm.encode([np.array(ids, dtype=dtype)])
        np.testing.assert_array_equal(vector, minilm.encode_texts([text]))


def test_a_passage_without_tokens_is_encoded_as_the_empty_text(minilm):
    np.testing.assert_array_equal(
        minilm.encode([np.array([], dtype=np.uint16)]), minilm.encode_texts([""])
    )


def test_order_is_kept_whatever_the_lengths(tiny):
    texts = passages([3, 50, 0, 12, 50, 1, 30, 2], TINY_VOCABULARY)
    together = tiny.encode(texts)
    alone = np.concatenate([tiny.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_thousands_of_passages_of_all_lengths_keep_their_order(tiny):
    lengths = np.random.default_rng(1).integers(0, 60, size=3000)
    texts = passages(lengths, TINY_VOCABULARY)
    vectors = tiny.encode(texts)
    shuffled = np.random.default_rng(2).permutation(len(texts))
    again = tiny.encode([texts[index] for index in shuffled])
    np.testing.assert_allclose(again, vectors[shuffled], atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_no_vector_depends_on_what_is_encoded_with_it(precision):
    encoder = encoders.load(engine="cpu", precision=precision)
    texts = passages([254, 254, 1, 120, 120, 120, 64, 1, 7, 7, 7, 64], 30000)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_array_equal(encoder.encode(texts), alone)


def test_progress_counts_every_passage_once(tiny):
    seen: list[int] = []
    tiny.encode(passages([40] * (3 * TOKEN_BUDGET // 40), TINY_VOCABULARY), progress=seen.append)
    assert sum(seen) == 3 * TOKEN_BUDGET // 40
    assert len(seen) >= 3


def test_a_broken_progress_stops_the_encoding_with_its_own_error(tiny):
    def refuse(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.encode(passages([40] * 100, TINY_VOCABULARY), progress=refuse)
    assert tiny.encode(passages([4], TINY_VOCABULARY)).shape == (1, 48)


def test_the_longest_passage_fits_and_one_token_more_is_refused(minilm):
    assert minilm.encode(passages([254], 30000)).shape == (1, 384)
    with pytest.raises(BadInputError, match=r"255 tokens.*reads at most 254"):
        minilm.encode(passages([3, 255], 30000))


def test_the_prefix_counts_in_the_length(tiny):
    prefix = 2  # "passage" and ":"
    assert tiny.encode(passages([62 - prefix], TINY_VOCABULARY)).shape == (1, 48)
    with pytest.raises(BadInputError, match="reads at most 60"):
        tiny.encode(passages([62 - prefix + 1], TINY_VOCABULARY))


@pytest.mark.parametrize("wrong", [[30522], [-1], [2**31 - 1]])
def test_ids_of_another_vocabulary_are_refused(minilm, wrong):
    with pytest.raises(BadInputError, match="tokenised for another model"):
        minilm.encode([np.array([2054]), np.array(wrong)])


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 2), dtype=np.int32)])
def test_what_is_no_list_of_ids_is_refused(minilm, wrong):
    with pytest.raises(BadInputError, match="integers of shape"):
        minilm.encode([wrong])


def test_a_lone_surrogate_is_refused(minilm):
    with pytest.raises(BadInputError, match="no Unicode text"):
        minilm.encode_texts(["good", "bad \ud800"])


DIGEST = """
import hashlib, sys
import numpy as np
from wiki_embeddings import encoders

rng = np.random.default_rng(7)
texts = [rng.integers(999, 29999, size=length, dtype=np.uint16) for length in range(0, 250, 31)]
precision, threads = sys.argv[1:]
encoder = encoders.load(engine="cpu", precision=precision, threads=int(threads))
print(hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest())
print(hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest())
"""


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_every_process_run_and_number_of_threads_gives_the_same_bytes(precision):
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST, precision, threads],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},  # NumPy's, which calibrates
        )
        for threads in ("1", "2", "3")
    ]
    digests = {digest for run in runs for digest in run.communicate(timeout=120)[0].split()}
    assert all(run.returncode == 0 for run in runs)
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2


def test_the_table_of_words_is_not_in_the_graph():
    model = resolve()
    weights = read_weights(model.weights_path, model.require_bert())
    words = weights["embeddings.word_embeddings.weight"].nbytes
    graph = bert_graph(weights, model.require_bert(), model.pooling)
    assert len(graph) < sum(tensor.nbytes for tensor in weights.values()) - words / 2


def test_onnx_runtime_reports_nothing_and_writes_no_identifier(tmp_path):
    code = f"from wiki_embeddings import encoders; encoders.load({str(TINY)!r}, 'cpu')"
    # Telemetry is off in continuous integration anyway, which it knows by other variables.
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], check=True, env=bare, timeout=60)
    assert not list(tmp_path.iterdir())


def test_the_same_encoder_serves_several_threads(tiny):
    texts = passages(range(60), TINY_VOCABULARY)
    expected = tiny.encode(texts)
    with ThreadPoolExecutor(4) as executor:
        for vectors in executor.map(tiny.encode, [texts] * 8):
            np.testing.assert_array_equal(vectors, expected)
