"""The kernels in Triton's interpreter, which needs no GPU, beside PyTorch's own operations.

Triton reads TRITON_INTERPRET when it is imported, so the interpreter has a process of its own. On a
machine with a GPU the compiled kernels are compared too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

from wiki_embeddings_tests.encoders.each_engine import cuda_encoder
from wiki_embeddings_tests.encoders.references import cosines, reference_texts, reference_vectors

torch = pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")
triton = pytest.importorskip("triton", reason="Triton, the group `gpu-tests`, is not installed")

from triton.backends.compiler import GPUTarget  # noqa: E402 (needs Triton)
from triton.compiler import ASTSource  # noqa: E402

from wiki_embeddings.encoders.cuda import kernels, operations, torch_bert  # noqa: E402 (PyTorch)
from wiki_embeddings.encoders.cuda.operations import (  # noqa: E402
    LayerNorm,
    Linear,
    PackedBatch,
    fused_operations,
    plain_operations,
)

MINILM = None
CPU = torch.device("cpu")
HALF_STEP = 2.0**-10
"""Half precision's relative rounding step."""

ON_DEVICES = (
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
    ),
)


@pytest.fixture(scope="module")
def interpreter():
    """A process in which Triton interprets kernels."""
    with (
        pytest.MonkeyPatch.context() as environment,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        environment.setenv("TRITON_INTERPRET", "1")
        assert process.submit(kernels_are_interpreted).result()
        yield process


@pytest.fixture
def run(interpreter):
    """Calls a function where kernels run on a device: in the interpreter for the processor."""

    def call(device: str, function: Callable, *arguments):
        if device == "cuda":
            return function(device, *arguments)
        return interpreter.submit(function, device, *arguments).result()

    return call


def kernels_are_interpreted() -> bool:
    torch.set_num_threads(1)
    return type(kernels._attend).__name__ == "InterpretedFunction"


def batch_of(lengths: Sequence[int], device: str = "cpu") -> PackedBatch:
    offsets = torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32, device=device)
    return PackedBatch(offsets, offsets, offsets, np.array(lengths, dtype=np.int64))


def attend(device, query_key_value, heads, lengths):
    given = torch.from_numpy(query_key_value).to(device)
    return fused_operations().attend(given, heads, batch_of(lengths, device)).cpu().numpy()


def add_norm(device, value, residual, weight, bias):
    value, residual, weight, bias = (
        torch.from_numpy(part).to(device) for part in (value, residual, weight, bias)
    )
    norm = LayerNorm(weight, bias, eps=1e-12)
    return fused_operations().add_norm(value, residual, norm).cpu().numpy()


def encode_with_kernels(_device, texts, pooling):
    def choose(_device, _head_width):
        return fused_operations()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_bert, "choose_operations", choose)
        return with_pooling(cuda_encoder(MINILM), pooling).encode_texts(texts)


def with_pooling(encoder: Any, pooling: str) -> Any:
    encoder._bert = replace(encoder._bert, pooling=pooling)
    return encoder


@pytest.mark.parametrize("device", ON_DEVICES)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize(
    "case",
    [
        (1, 32, [512, 1]),
        (2, 32, [129, 128, 127, 65, 64, 63]),
        (3, 32, [33, 32, 31, 2, 1]),
        (1, 64, [512]),
        (2, 64, [130, 64, 63, 17, 3]),
        (2, 64, [1]),
    ],
    ids=str,
)
def test_attention_agrees_with_pytorchs(run, device, dtype, case):
    heads, width, lengths = case
    if device == "cuda" and dtype == np.float32:
        pytest.skip("on a GPU the engine computes in half precision")
    rng = np.random.default_rng(sum(lengths))
    given = rng.standard_normal((sum(lengths), 3 * heads * width)).astype(dtype)
    exact = plain_operations(CPU, width).attend(
        torch.from_numpy(given).float(), heads, batch_of(lengths)
    )
    found = run(device, attend, given, heads, lengths)
    assert found.dtype == dtype
    tolerance = 3e-6 if dtype == np.float32 else 2 * HALF_STEP
    np.testing.assert_allclose(found, exact.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("device", ON_DEVICES)
def test_attention_is_exact_for_scores_of_any_size(run, device):
    """The weights of a softmax must not overflow, whatever the scores."""
    given = np.ones((70, 3 * 32), dtype=np.float16)
    given[:, :64] *= 60  # scores of 60 * 60 * 32 / sqrt(32)
    given[:, 64:] = np.arange(70)[:, None]
    np.testing.assert_allclose(run(device, attend, given, 1, [70]), 34.5, rtol=HALF_STEP)


@pytest.mark.parametrize("device", ON_DEVICES)
def test_a_batch_without_sequences_has_no_context(run, device):
    given = np.empty((0, 3 * 64), dtype=np.float16)
    assert run(device, attend, given, 2, []).shape == (0, 64)


@pytest.mark.parametrize("device", ON_DEVICES)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("width", [48, 384, 768, 1024])
@pytest.mark.parametrize("rows", [0, 1, 3, 4, 33])
def test_adding_and_normalising_agrees_with_pytorchs(run, device, dtype, width, rows):
    rng = np.random.default_rng(rows)
    shapes = [(rows, width), (rows, width), (width,), (width,)]
    given = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    value, residual, weight, bias = (torch.from_numpy(part).float() for part in given)
    exact = plain_operations(CPU, 32).add_norm(value, residual, LayerNorm(weight, bias, 1e-12))
    found = run(device, add_norm, *given)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else HALF_STEP
    np.testing.assert_allclose(found, exact.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("device", ON_DEVICES)
def test_the_epilogues_gelu_agrees_with_pytorchs(device):
    """On a GPU in half precision, and with gelu's tanh approximation."""
    seeded = torch.Generator().manual_seed(0)
    weight, bias, value = (
        torch.randn(shape, generator=seeded) for shape in [(64, 32), (64,), (5, 32)]
    )
    exact = plain_operations(CPU, 32).linear_gelu(value, Linear(weight, bias))
    dtype = torch.float16 if device == "cuda" else torch.float32
    given = [part.to(device, dtype) for part in (value, weight, bias)]
    found = fused_operations().linear_gelu(given[0], Linear(*given[1:])).cpu().float()
    tolerance = 2e-2 if device == "cuda" else 1e-6
    torch.testing.assert_close(found, exact, rtol=0, atol=tolerance)


def test_with_the_kernels_vectors_agree_with_sentence_transformers(interpreter):
    texts, expected = reference_texts(), reference_vectors("minilm", "texts")
    chosen = [0, *sorted(range(len(texts)), key=lambda text: len(texts[text]))[:20:4]]
    vectors = interpreter.submit(
        encode_with_kernels, "cpu", [texts[text] for text in chosen], "mean"
    ).result()
    assert cosines(vectors, expected[chosen]).min() > 0.99999


def test_with_the_kernels_the_first_tokens_vectors_agree_too(interpreter):
    texts = ["snow", "", "Fresh snow reflects most of the light."]
    found = interpreter.submit(encode_with_kernels, "cpu", texts, "cls").result()
    plain = with_pooling(cuda_encoder(MINILM), "cls")
    np.testing.assert_allclose(found, plain.encode_texts(texts), atol=1e-5)


@pytest.mark.parametrize("capability", [80, 86, 90], ids=["A100", "A10", "H100"])
@pytest.mark.parametrize("width", [32, 64])
def test_attention_compiles_for_gpus(capability, width, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    keys, warps, stages = kernels.attention_blocks(width)
    source = ASTSource(
        kernels._attend,
        signature={
            **dict.fromkeys(["query_key_value", "result"], "*fp16"),
            "offsets": "*i32",
            "blocks": "i32",
            "scale": "fp32",
            **dict.fromkeys(["heads", "width", "queries", "keys"], "constexpr"),
        },
        constexprs={"heads": 12, "width": width, "queries": 64, "keys": keys},
    )
    options = {"num_warps": warps, "num_stages": stages}
    compiled = triton.compile(source, GPUTarget("cuda", capability, 32), options)
    assert compiled.metadata.shared <= 99 * 1024, "an A10's block has no more shared memory"


def test_without_a_compiler_pytorch_computes_and_says_so(monkeypatch, caplog):
    def fail(*_arguments):
        raise RuntimeError("Failed to find C compiler. Please specify via CC.\nmore")

    monkeypatch.setattr(operations, "_is_recent", lambda _device: True)
    monkeypatch.setattr(operations, "_try", fail)
    with caplog.at_level(logging.WARNING):
        chosen = operations.choose_operations(CPU, 32)
    assert chosen.attend is operations._flash_attention
    assert "Failed to find C compiler" in caplog.text


def test_kernels_are_chosen_for_recent_gpus_and_measured_heads(monkeypatch):
    monkeypatch.setattr(operations, "_try", lambda *_arguments: None)
    assert operations.choose_operations(CPU, 32).attend is operations._grouped_attention
    monkeypatch.setattr(operations, "_is_recent", lambda _device: True)
    for width in (32, 64):
        assert (
            operations.choose_operations(CPU, width).linear_gelu is operations._linear_gelu_epilogue
        )
    assert operations.choose_operations(CPU, 16).attend is operations._flash_attention
