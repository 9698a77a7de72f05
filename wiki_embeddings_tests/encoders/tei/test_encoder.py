from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from wiki_embeddings import encoders
from wiki_embeddings.bundled import bundled_model
from wiki_embeddings.encoders.tei import TeiEncoder, runtime
from wiki_embeddings.encoders.tei import encoder as tei_encoder
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import (
    TINY,
    cosines,
    reference_texts,
    reference_vectors,
)
from wiki_embeddings_tests.encoders.sample_tokens import sample_tokens
from wiki_embeddings_tests.encoders.tei.load_tei import load_tei
from wiki_embeddings_tests.standins.tei.fixtures import LocalTei, local_tei
from wiki_embeddings_tests.standins.tei.model import read_ids
from wiki_embeddings_tests.standins.tei.orders import Orders, Served


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalTei]:
    """The stand-in for the servers that several tests share."""
    with local_tei(tmp_path_factory.mktemp("shared")) as tei:
        yield tei


@pytest.fixture(scope="module")
def tiny(shared: LocalTei) -> Iterator[TeiEncoder]:  # noqa: ARG001 (puts TEI on the PATH)
    with load_tei(TINY) as encoder:
        yield encoder


@pytest.fixture(scope="module")
def minilm(shared: LocalTei) -> Iterator[TeiEncoder]:  # noqa: ARG001 (as above)
    with load_tei(None) as encoder:
        yield encoder


@pytest.fixture
def requests(shared: LocalTei) -> Callable[[], list[Served]]:
    """The requests to the shared servers since the test began."""
    before = len(shared.served)
    return lambda: shared.served[before:]


def unlimited_tokenizer(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def tokenized(folder: Path, texts):
    tokenizer = unlimited_tokenizer(folder)
    encodings = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return [np.array(encoding.ids, dtype=np.uint16) for encoding in encodings]


def test_the_vectors_agree_with_sentence_transformers_and_the_cpu_engine(minilm):
    vectors = minilm.encode_texts(reference_texts())
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert cosines(vectors, reference_vectors("minilm", "texts")).mean() >= 0.999
    expected = encoders.load(engine="cpu", precision="float32").encode_texts(reference_texts())
    assert cosines(vectors, expected).min() >= 0.999


def test_the_server_computes_in_the_requested_precision(tiny):
    expected = encoders.load(TINY, "cpu").encode_texts(reference_texts())
    assert np.abs(tiny.encode_texts(reference_texts()) - expected).max() < 1e-6
    with load_tei(TINY, "float16") as encoder:
        halved = encoder.encode_texts(reference_texts())
    assert 1e-6 < np.abs(halved - expected).max() < 1e-3
    assert cosines(halved, expected).mean() >= 0.999


@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_prefixes_and_pooling_are_those_of_the_model(tiny, kind, query):
    vectors = tiny.encode_texts(reference_texts(), query=query)
    np.testing.assert_allclose(vectors, reference_vectors("tiny_cls", kind), atol=1e-5)


def test_token_ids_give_the_vectors_of_their_texts(minilm):
    texts = ["fresh snow", "", "it does not", "[MASK] a ##b 雪 don't"]
    by_ids = minilm.encode(tokenized(bundled_model(), texts))
    np.testing.assert_allclose(by_ids, minilm.encode_texts(texts), atol=1e-6)


def test_texts_are_truncated_as_on_the_cpu(tiny):
    texts = ["snowballs and unbelievable thunderstorms " * n for n in (1, 40, 41, 300)]
    expected = encoders.load(TINY, "cpu").encode_texts(texts)
    np.testing.assert_allclose(tiny.encode_texts(texts), expected, atol=1e-6)


def test_requests_stay_within_the_budget_and_keep_the_order(tiny, requests, monkeypatch):
    monkeypatch.setattr(tei_encoder, "REQUEST_TOKENS", 200)
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 15)
    texts = [" ".join(["snow"] * (n * 7 % 15)) for n in range(300)]
    done: list[int] = []
    vectors = tiny.encode(tokenized(TINY, texts), progress=done.append)
    np.testing.assert_allclose(vectors, encoders.load(TINY, "cpu").encode_texts(texts), atol=1e-6)
    assert sum(done) == 300 == sum(request.inputs for request in requests())
    assert max(request.tokens for request in requests()) <= 200
    assert max(request.inputs for request in requests()) == 15
    assert len(done) == len(requests())


def test_several_requests_are_in_flight_but_no_more_than_the_server_admits(
    tiny, requests, monkeypatch
):
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 5)
    passages = tokenized(TINY, ["snow and ice"] * 250)
    expected = tiny.encode(passages[:1])
    with ThreadPoolExecutor(3) as callers:
        for vectors in callers.map(tiny.encode, [passages] * 3):
            np.testing.assert_allclose(vectors, np.repeat(expected, 250, axis=0), atol=1e-6)
    assert 1 < max(request.at_once for request in requests()) <= tei_encoder.IN_FLIGHT


def test_requests_ask_for_normalised_vectors_of_whole_inputs(tiny, requests):
    tiny.encode_texts(["snow"])
    assert [request.options for request in requests()] == [{"truncate": False, "normalize": True}]


@pytest.mark.parametrize("query", [False, True])
def test_no_texts_give_no_vectors_and_no_request(tiny, requests, query):
    assert tiny.encode([]).shape == (0, 48)
    assert tiny.encode_texts([], query=query).shape == (0, 48)
    assert requests() == []


def test_faulty_passages_are_refused_before_they_are_sent(tiny, requests):
    with pytest.raises(BadInputError, match="reads at most 60"):
        tiny.encode([np.full(61, 5)])
    with pytest.raises(BadInputError, match="tokenised for another model"):
        tiny.encode([np.array([30000])])
    assert requests() == []


def test_token_ids_that_no_text_has_are_refused(minilm):
    tokenizer = unlimited_tokenizer(bundled_model())
    pieces = [tokenizer.token_to_id(piece) for piece in ("any", "##one")]  # "anyone" is one token
    with pytest.raises(BadInputError, match="never produce these token ids"):
        minilm.encode([np.array(pieces)])


def test_tei_reads_the_token_ids_of_the_samples_chunks_unchanged():
    tokenizer = unlimited_tokenizer(bundled_model())
    sent = [[101, *ids, 102] for ids in sample_tokens(0.3)]
    assert len(sent) > 500
    assert [read_ids(tokenizer, ids) for ids in sent] == sent


@pytest.mark.usefixtures("tei")
def test_the_runtime_includes_the_release():
    assert runtime() == "text-embeddings-inference 1.9.3"


def test_the_engine_is_refused_without_the_executable(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInputError, match=r"text-embeddings-router, which is not on the PATH"):
        runtime()


def test_an_executable_that_does_not_run_here_is_refused_with_its_output(monkeypatch, tmp_path):
    executable = tmp_path / "text-embeddings-router"
    executable.write_text(
        "#!/bin/sh\necho 'libcuda.so.1: cannot open shared object file'; exit 127"
    )
    executable.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    with pytest.raises(BadInputError, match=r"(?s)cannot run here.*libcuda\.so\.1.*NVIDIA"):
        runtime()


@pytest.mark.usefixtures("tei")
def test_variables_that_tei_reads_as_flags_and_proxies_are_ignored(monkeypatch):
    monkeypatch.setenv("API_KEY", "secret")
    monkeypatch.setenv("DEFAULT_PROMPT", "query: ")
    monkeypatch.setenv("MAX_BATCH_REQUESTS", "none")  # a value that it would refuse
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with load_tei(TINY) as encoder:
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_a_slow_start_is_awaited(tei: LocalTei):
    tei.order(Orders(unhealthy_s=0.5))
    began = time.monotonic()
    with load_tei(TINY) as encoder:
        assert time.monotonic() - began >= 0.5
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_each_encoder_has_its_own_server(tei):
    with load_tei(TINY) as one, load_tei(TINY) as other:
        np.testing.assert_array_equal(one.encode_texts(["snow"]), other.encode_texts(["snow"]))
    assert [request.life for request in tei.served] == [0, 1]
