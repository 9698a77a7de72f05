from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from wiki_embeddings import bundled, encoders
from wiki_embeddings.chunking import ChunkSettings, chunk_articles
from wiki_embeddings.chunking.tokenizer import load_tokenizer
from wiki_embeddings.encoders.tei import encoder as tei_encoder
from wiki_embeddings.encoders.tei import runtime
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources import sample
from wiki_embeddings_tests.encoders.references import TINY, reference_texts, reference_vectors
from wiki_embeddings_tests.encoders.tei_encoders import tei_of
from wiki_embeddings_tests.tei_local import LocalTei, Orders
from wiki_embeddings_tests.tei_local.model import read_ids

pytestmark = pytest.mark.usefixtures("tei")


def tokenized(folder: Path, texts):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encodings = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return [np.array(encoding.ids, dtype=np.uint16) for encoding in encodings]


def cosines(left, right):
    return np.einsum("ij,ij->i", left, right)


def test_the_vectors_agree_with_sentence_transformers_and_the_cpu_engine():
    with tei_of(None) as encoder:
        vectors = encoder.encode_texts(reference_texts())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert cosines(vectors, reference_vectors("minilm", "texts")).mean() >= 0.999
    expected = encoders.load(engine="cpu").encode_texts(reference_texts())
    assert cosines(vectors, expected).min() >= 0.999


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_the_server_computes_in_the_precision_that_is_asked_for(precision):
    expected = encoders.load(TINY, "cpu").encode_texts(reference_texts())
    with tei_of(TINY, precision) as encoder:
        difference = np.abs(encoder.encode_texts(reference_texts()) - expected).max()
    assert (difference < 1e-6) == (precision == "float32")
    assert difference < 1e-3


@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_prefixes_and_pooling_are_those_of_the_model(kind, query):
    with tei_of(TINY) as encoder:
        vectors = encoder.encode_texts(reference_texts(), query=query)
    np.testing.assert_allclose(vectors, reference_vectors("tiny_cls", kind), atol=1e-5)


def test_token_ids_give_the_vectors_of_their_texts():
    texts = ["fresh snow", "", "it does not", "[MASK] a ##b 雪 don't"]
    with tei_of(None) as encoder:
        by_ids = encoder.encode(tokenized(bundled.bundled_model(), texts))
        np.testing.assert_allclose(by_ids, encoder.encode_texts(texts), atol=1e-6)


def test_texts_longer_than_the_model_reads_are_cut_as_on_the_cpu():
    texts = ["snowballs and unbelievable thunderstorms " * n for n in (1, 40, 41, 300)]
    with tei_of(TINY) as encoder:
        vectors = encoder.encode_texts(texts)
    np.testing.assert_allclose(vectors, encoders.load(TINY, "cpu").encode_texts(texts), atol=1e-6)


def test_requests_stay_within_the_budget_and_keep_the_order(tei, monkeypatch):
    monkeypatch.setattr(tei_encoder, "REQUEST_TOKENS", 200)
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 15)
    texts = [" ".join(["snow"] * (n * 7 % 15)) for n in range(300)]
    done: list[int] = []
    with tei_of(TINY) as encoder:
        vectors = encoder.encode(tokenized(TINY, texts), progress=done.append)
    np.testing.assert_allclose(vectors, encoders.load(TINY, "cpu").encode_texts(texts), atol=1e-6)
    assert sum(done) == 300 == sum(request.inputs for request in tei.served)
    assert max(request.tokens for request in tei.served) <= 200
    assert max(request.inputs for request in tei.served) == 15
    assert len(done) == len(tei.served)


def test_several_requests_are_in_flight_but_no_more_than_the_server_admits(tei, monkeypatch):
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 5)
    passages = tokenized(TINY, ["snow and ice"] * 500)
    with tei_of(TINY) as encoder, ThreadPoolExecutor(3) as callers:
        expected = encoder.encode(passages[:1])
        for vectors in callers.map(encoder.encode, [passages] * 3):
            np.testing.assert_allclose(vectors, np.repeat(expected, 500, axis=0), atol=1e-6)
    assert 1 < max(request.at_once for request in tei.served) <= tei_encoder.IN_FLIGHT


def test_what_is_sent_is_never_truncated_and_always_normalised(tei):
    with tei_of(TINY) as encoder:
        encoder.encode_texts(["snow"])
    assert [request.options for request in tei.served] == [{"truncate": False, "normalize": True}]


@pytest.mark.parametrize("query", [False, True])
def test_no_texts_give_no_vectors_and_ask_nothing(tei, query):
    with tei_of(TINY) as encoder:
        assert encoder.encode([]).shape == (0, 48)
        assert encoder.encode_texts([], query=query).shape == (0, 48)
    assert tei.served == []


def test_passages_that_are_too_long_or_of_another_model_are_refused_before_they_are_sent(tei):
    with tei_of(TINY) as encoder:
        with pytest.raises(BadInputError, match="reads at most 60"):
            encoder.encode([np.full(61, 5)])
        with pytest.raises(BadInputError, match="tokenised for another model"):
            encoder.encode([np.array([30000])])
    assert tei.served == []


def test_token_ids_that_no_text_has_are_noticed():
    tokenizer = Tokenizer.from_file(str(bundled.bundled_model() / "tokenizer.json"))
    pieces = [tokenizer.token_to_id(piece) for piece in ("any", "##one")]  # "anyone" is one token
    with tei_of(None) as encoder, pytest.raises(BadInputError, match="never make such token ids"):
        encoder.encode([np.array(pieces)])


def test_chunks_of_the_sample_are_read_by_tei_as_they_were_sent():
    file = bundled.bundled_model() / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    titles, texts = [], []
    for part in sample.plan(0.3).parts:
        for batch in sample.open_part(part, lambda _articles: None).batches:
            titles += batch.column("title").to_pylist()
            texts += batch.column("text").to_pylist()
    chunks = chunk_articles(load_tokenizer(file), titles, texts, ChunkSettings())
    sent = [[101, *ids, 102] for ids in np.split(chunks.tokens, chunks.token_offsets[1:-1])]
    assert len(sent) > 500
    assert [read_ids(tokenizer, ids) for ids in sent] == sent


def test_the_runtime_names_the_release():
    assert runtime() == "text-embeddings-inference 1.9.3"


def test_without_the_executable_the_engine_is_refused_with_what_helps(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match=r"text-embeddings-router, which is not on the PATH"):
        runtime()


def test_an_executable_that_does_not_run_here_is_refused_with_its_words(monkeypatch, tmp_path):
    executable = tmp_path / "text-embeddings-router"
    executable.write_text(
        "#!/bin/sh\necho 'libcuda.so.1: cannot open shared object file'; exit 127"
    )
    executable.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(BadInputError, match=r"(?s)cannot run here.*libcuda\.so\.1.*NVIDIA"):
        runtime()


def test_variables_that_tei_would_take_for_flags_do_not_reach_it(monkeypatch):
    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setenv("DEFAULT_PROMPT", "query: ")
    monkeypatch.setenv("MAX_BATCH_REQUESTS", "none")  # a value that it would refuse
    with tei_of(TINY) as encoder:
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_proxies_are_not_asked_for_this_machine(monkeypatch):
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with tei_of(TINY) as encoder:
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_a_slow_start_is_waited_for(tei: LocalTei):
    tei.order(Orders(unhealthy_s=1.0))
    began = time.monotonic()
    with tei_of(TINY) as encoder:
        assert time.monotonic() - began >= 1.0
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_two_encoders_have_a_server_each(tei):
    with tei_of(TINY) as one, tei_of(TINY) as other:
        np.testing.assert_array_equal(one.encode_texts(["snow"]), other.encode_texts(["snow"]))
    assert [request.life for request in tei.served] == [0, 1]
