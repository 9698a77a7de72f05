from __future__ import annotations

import platform

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.chunking import ChunkSettings, chunk_articles, load_tokenizer
from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.cpu import processor
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.sources import sample
from wiki_embeddings_tests.encoders.references import TINY, reference_texts, reference_vectors

QUESTIONS = [
    "Who built the lighthouse?",
    "how do glaciers move",
    "largest city by population in South America",
    "What causes the northern lights to appear?",
]


@pytest.fixture(scope="module")
def int8() -> Encoder:
    return encoders.load(engine="cpu", precision="int8")


@pytest.fixture(scope="module")
def float32() -> Encoder:
    return encoders.load(engine="cpu", precision="float32")


def sample_tokens(count):
    part = sample.plan().parts[0]
    batch = next(iter(sample.open_part(part, lambda _articles: None).batches))
    titles, texts = (batch.column(name).to_pylist() for name in ("title", "text"))
    tokenizer = load_tokenizer(resolve().tokenizer_path)
    chunks = chunk_articles(tokenizer, titles, texts, ChunkSettings())
    tokens = np.split(chunks.tokens, chunks.token_offsets[1:-1])
    return tokens[:: max(1, len(tokens) // count)][:count]


def cosines(left, right):
    return np.einsum("ij,ij->i", left, right)


def test_passages_in_int8_keep_the_quality_bar(int8, float32):
    tokens = sample_tokens(40)
    agreement = cosines(int8.encode(tokens), float32.encode(tokens))
    assert agreement.mean() >= 0.995
    assert agreement.min() >= 0.985


def test_questions_in_int8_keep_near_float32(int8, float32):
    left, right = (encoder.encode_texts(QUESTIONS, query=True) for encoder in (int8, float32))
    assert cosines(left, right).min() >= 0.98


def test_odd_and_empty_texts_in_int8_keep_near_sentence_transformers(int8):
    vectors = int8.encode_texts(reference_texts())
    agreement = cosines(vectors, reference_vectors("minilm", "texts"))
    assert agreement.mean() >= 0.99
    assert agreement.min() >= 0.96
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_narrow_model_with_cls_pooling_and_prompts_can_be_quantized():
    left, right = (
        encoders.load(TINY, "cpu", precision=precision).encode_texts(reference_texts())
        for precision in ("int8", "float32")
    )
    assert cosines(left, right).mean() >= 0.99
    assert not np.array_equal(left, right)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"sse4_2", "avx", "avx2", "fma"}, "int8"),
        ({"avx2", "avx512f", "avx512_vnni"}, "int8"),
        ({"sse4_2", "avx"}, "float32"),
        (set(), "float32"),
        ({"asimd", "asimddp", "i8mm"}, "float32"),
    ],
)
@pytest.mark.parametrize("ask", [encoders.describe, encoders.load])
def test_the_processor_decides_the_precision_where_nobody_does(monkeypatch, flags, expected, ask):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset(flags))
    told = ask(engine="cpu")
    info = told if isinstance(told, encoders.EncoderInfo) else told.info
    assert info.precision == expected


def test_a_narrow_model_is_left_in_float32(monkeypatch):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2"}))
    assert encoders.describe(TINY, "cpu").precision == "float32"


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_precision_asked_for_is_taken_on_every_processor(monkeypatch, precision):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2"}))
    assert encoders.describe(engine="cpu", precision=precision).precision == precision


def test_the_flags_are_read_from_the_first_processor(tmp_path, monkeypatch):
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor\t: 0\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    monkeypatch.setattr(processor, "_CPUINFO", listed)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert processor.processor_flags() == {"fpu", "avx2", "fma"}
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor.processor_flags() == frozenset()


def test_a_system_that_lists_no_flags_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "missing")
    assert processor.processor_flags() == frozenset()
