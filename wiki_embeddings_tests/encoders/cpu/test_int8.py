from __future__ import annotations

import platform

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders import Encoder
from wiki_embeddings.encoders.cpu import processor
from wiki_embeddings_tests.encoders.references import (
    TINY,
    cosines,
    reference_texts,
    reference_vectors,
)
from wiki_embeddings_tests.encoders.sample_tokens import sample_tokens

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


def test_int8_passages_meet_the_quality_bar(int8, float32):
    tokens = sample_tokens()
    tokens = tokens[:: len(tokens) // 40][:40]
    agreement = cosines(int8.encode(tokens), float32.encode(tokens))
    assert agreement.mean() >= 0.995
    assert agreement.min() >= 0.985


def test_int8_questions_stay_close_to_float32(int8, float32):
    left, right = (encoder.encode_texts(QUESTIONS, query=True) for encoder in (int8, float32))
    assert cosines(left, right).min() >= 0.98


def test_int8_vectors_of_odd_and_empty_texts_stay_close_to_sentence_transformers(int8):
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
@pytest.mark.parametrize("function", [encoders.describe, encoders.load])
def test_the_processor_decides_the_default_precision(monkeypatch, flags, expected, function):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset(flags))
    result = function(engine="cpu")
    info = result if isinstance(result, encoders.EncoderInfo) else result.info
    assert info.precision == expected


def test_a_narrow_model_is_computed_in_float32(monkeypatch):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2"}))
    assert encoders.describe(TINY, "cpu").precision == "float32"


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_an_explicit_precision_is_used_on_every_processor(monkeypatch, precision):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2"}))
    assert encoders.describe(engine="cpu", precision=precision).precision == precision


def test_the_flags_are_read_from_the_first_processor(tmp_path, monkeypatch):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        "processor\t: 0\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu\n"
    )
    monkeypatch.setattr(processor, "_CPUINFO", cpuinfo)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert processor.processor_flags() == {"fpu", "avx2", "fma"}
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor.processor_flags() == frozenset()


def test_a_system_without_cpuinfo_has_no_flags(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "missing")
    assert processor.processor_flags() == frozenset()
