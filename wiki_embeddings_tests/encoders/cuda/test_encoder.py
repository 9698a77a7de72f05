"""The engine `cuda`: on the processor in float32, and on a GPU if there is one."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wiki_embeddings import encoders
from wiki_embeddings.encoders import engines
from wiki_embeddings.errors import BrokenDeviceError, WikiEmbeddingsError
from wiki_embeddings_tests.encoders.each_engine import cuda_encoder
from wiki_embeddings_tests.encoders.references import (
    TINY,
    copied_model,
    cosines,
    random_passages,
    reference_texts,
    reference_vectors,
)

torch = pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")

from wiki_embeddings.encoders.cuda import encoder as cuda  # noqa: E402 (imports PyTorch)
from wiki_embeddings.encoders.cuda import operations, torch_bert  # noqa: E402
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder  # noqa: E402
from wiki_embeddings.encoders.cuda.operations import plain_operations  # noqa: E402

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")

MINILM = None


@pytest.fixture(scope="module")
def tiny():
    return cuda_encoder()


def with_attention(monkeypatch, attend):
    """Let encoders compute with PyTorch's own operations and this attention."""
    plain = replace(plain_operations(torch.device("cpu"), 16), attend=attend)
    monkeypatch.setattr(torch_bert, "choose_operations", lambda _device, _width: plain)


@pytest.fixture
def little_memory(monkeypatch):
    """Limit the tokens in a batch that fits into memory, and record the batches that fit."""

    def limit(most_tokens):
        fitting = []

        def encode_batch(bert, batch):
            if len(batch.ids) > most_tokens:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            fitting.append(batch.lengths.tolist())
            return torch_bert.encode_batch(bert, batch)

        monkeypatch.setattr(cuda, "encode_batch", encode_batch)
        return fitting

    return limit


@pytest.mark.parametrize("model", [TINY, MINILM])
def test_the_vectors_agree_with_the_engine_cpu(model):
    passages = random_passages([0, 1, 7, 7, 7, 30, 59, 60])
    expected = encoders.load(model, "cpu", precision="float32").encode(passages)
    np.testing.assert_allclose(cuda_encoder(model).encode(passages), expected, atol=2e-6)


@pytest.mark.parametrize("budget", [1, 64, 1000])
def test_the_token_budget_does_not_affect_the_vectors(tiny, budget):
    passages = random_passages(range(61))
    vectors = cuda_encoder(token_budget=budget).encode(passages)
    np.testing.assert_allclose(vectors, tiny.encode(passages), atol=1e-5)


def test_batches_are_queued_before_earlier_ones_are_downloaded(monkeypatch):
    events: list[str] = []

    def encode_batch(bert, batch):
        events.append("queued")
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    monkeypatch.setattr(cuda, "_IN_FLIGHT", 2)
    encoder = cuda_encoder(token_budget=44)
    encoder.encode(random_passages([40] * 3), progress=lambda _count: events.append("downloaded"))
    assert events == ["queued", "queued", "downloaded", "queued", "downloaded", "downloaded"]


def test_a_thread_queues_its_batches_while_another_waits_for_its_last_ones():
    encoder = cuda_encoder()
    passages = random_passages([3])
    expected = encoder.encode(passages)
    found = []

    def encode_in_another_thread(_count):
        with ThreadPoolExecutor(1) as thread:
            found.append(thread.submit(encoder.encode, passages).result(timeout=30))

    encoder.encode(random_passages([40] * 3), progress=encode_in_another_thread)
    np.testing.assert_array_equal(found, [expected])


def test_a_batch_has_no_more_sequences_than_a_gpu_can_start(tiny, monkeypatch):
    passages = random_passages([3] * 10)
    expected = tiny.encode(passages)
    sizes = []

    def encode_batch(bert, batch):
        sizes.append(len(batch.lengths))
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    monkeypatch.setattr(cuda, "_MAX_SEQUENCES", 4)
    np.testing.assert_allclose(cuda_encoder().encode(passages), expected, atol=1e-5)
    assert sizes == [4, 4, 2]


def test_flash_attention_gets_the_arguments_that_its_kernel_requires(tiny, monkeypatch):
    """The kernel does not exist for the processor, so a stand-in checks and computes as it does."""

    def varlen_attn(*arguments):
        query, key, value, query_offsets, key_offsets, most_queries, most_keys = arguments
        for part in (query, key, value):
            assert part.shape == query.shape
            assert part.stride(-1) == 1
        for offsets in (query_offsets, key_offsets):
            assert offsets.dtype == torch.int32
            assert offsets.is_contiguous()
            assert offsets[-1] == len(query)
        assert most_queries == most_keys == torch.diff(query_offsets).max()
        width = query.shape[-1]
        contexts = []
        for begin, end in pairwise(query_offsets.tolist()):
            left, right, kept = (part[begin:end].transpose(0, 1) for part in (query, key, value))
            weights = torch.softmax(left @ right.transpose(1, 2) / width**0.5, dim=-1)
            contexts.append((weights @ kept).transpose(0, 1))
        return torch.cat(contexts)

    passages = random_passages([60, 3, 0, 17, 17, 2])
    expected = tiny.encode(passages)
    monkeypatch.setattr(operations, "varlen_attn", varlen_attn)
    with_attention(monkeypatch, operations._flash_attention)
    np.testing.assert_allclose(cuda_encoder().encode(passages), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("capability", "head_width", "expected"),
    [
        ((8, 0), 64, operations._flash_attention),
        ((8, 6), 32, operations._flash_attention),
        ((9, 0), 256, operations._flash_attention),
        ((7, 5), 64, operations._grouped_attention),
        ((9, 0), 20, operations._grouped_attention),
        ((9, 0), 264, operations._grouped_attention),
    ],
)
def test_flash_attention_is_for_recent_gpus_and_supported_widths(
    capability, head_width, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert plain_operations(torch.device("cuda"), head_width).attend is expected


def test_out_of_memory_halves_the_batches_and_loses_nothing(tiny, little_memory, caplog):
    passages = random_passages([40] * 30)  # of 44 tokens with prefix and special tokens
    expected = tiny.encode(passages)
    fitting = little_memory(most_tokens=200)
    encoder = cuda_encoder(token_budget=1000)
    seen: list[int] = []
    with caplog.at_level(logging.WARNING):
        vectors = encoder.encode(passages, progress=seen.append)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert sum(map(len, fitting)) == sum(seen) == 30  # each computed once
    budgets = [record.args[1] for record in caplog.records]
    assert budgets == [22 * 44 // 2, 11 * 44 // 2, 5 * 44 // 2]
    assert f"at most {budgets[-1]} tokens" in caplog.text


def test_batches_stay_small_after_a_shortage_of_memory(little_memory, caplog):
    fitting = little_memory(most_tokens=200)
    encoder = cuda_encoder(token_budget=1000)
    encoder.encode(random_passages([40] * 30))
    caplog.clear()
    fitting.clear()
    encoder.encode(random_passages([40] * 30))
    assert not caplog.records
    assert max(map(len, fitting)) == 2


def test_a_shortage_of_memory_halfway_loses_nothing(tiny, monkeypatch, caplog):
    passages = random_passages(range(61))
    expected = tiny.encode(passages)
    calls = 0

    def encode_batch(bert, batch):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    vectors = cuda_encoder(token_budget=300).encode(passages)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert len(caplog.records) == 1


def test_a_batch_far_below_the_budget_is_halved_at_once(little_memory, caplog):
    little_memory(most_tokens=50)
    assert cuda_encoder(token_budget=1_000_000).encode(random_passages([40, 40])).shape == (2, 48)
    assert [record.args[1] for record in caplog.records] == [44]


def test_a_text_that_does_not_fit_alone_is_an_error(little_memory):
    little_memory(most_tokens=43)
    encoder = cuda_encoder()
    with pytest.raises(WikiEmbeddingsError, match=r"no memory left.*single text of 44 tokens"):
        encoder.encode(random_passages([3, 40, 3]))
    assert encoder.encode(random_passages([3])).shape == (1, 48)


def test_other_device_errors_are_not_mistaken_for_a_shortage_of_memory(monkeypatch):
    def broken(_bert, _batch):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(cuda, "encode_batch", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        cuda_encoder().encode(random_passages([3, 3]))


def test_weights_that_do_not_fit_into_memory_are_an_error(monkeypatch):
    def full(*_arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(cuda, "build_bert", full)
    with pytest.raises(WikiEmbeddingsError, match="no memory left for the weights"):
        cuda_encoder()


def test_a_gpu_fault_is_a_broken_device(monkeypatch):
    def broken(*_arguments):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    encoder = cuda_encoder()
    monkeypatch.setattr(cuda, "encode_batch", broken)
    with pytest.raises(BrokenDeviceError, match=r"illegal memory access.*nvidia-smi"):
        encoder.encode(random_passages([3]))


def test_vectors_that_are_not_finite_are_an_error(tmp_path):
    folder = copied_model(tmp_path)
    weights = load_file(folder / "model.safetensors")
    name = "embeddings.LayerNorm.weight"
    overflowing = np.full_like(weights[name], 3e38)
    save_file({**weights, name: overflowing}, folder / "model.safetensors")
    with pytest.raises(WikiEmbeddingsError, match=r"not finite in float.*engine cpu"):
        cuda_encoder(folder).encode(random_passages([3]))


def test_one_encoder_serves_several_threads_one_at_a_time(tiny, monkeypatch):
    passages = random_passages(range(60))
    expected = tiny.encode(passages)
    computing = threading.Lock()

    def encode_batch(bert, batch):
        assert computing.acquire(blocking=False)
        try:
            return torch_bert.encode_batch(bert, batch)
        finally:
            computing.release()

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    with ThreadPoolExecutor(4) as executor:
        for vectors in executor.map(tiny.encode, [passages] * 16):
            np.testing.assert_array_equal(vectors, expected)


def test_load_and_describe_support_the_engine(monkeypatch):
    monkeypatch.setattr(engines, "find_gpu_problem", lambda: None)
    monkeypatch.setattr(cuda, "CudaEncoder", partial(CudaEncoder, device="cpu"))
    info = encoders.describe(TINY, "cuda")
    assert (info.engine, info.precision) == ("cuda", "float16")
    assert info.runtime == f"torch {version('torch').split('+')[0]}"
    for engine in ("cuda", "auto"):
        encoder = encoders.load(TINY, engine, precision="float16")
        assert encoder.info == info
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


@on_gpu
def test_the_gpu_agrees_with_sentence_transformers_in_half_precision():
    for model, name, kind in ((MINILM, "minilm", "texts"), (TINY, "tiny_cls", "passages")):
        vectors = encoders.load(model, "cuda").encode_texts(reference_texts())
        assert cosines(vectors, reference_vectors(name, kind)).mean() >= 0.999


@on_gpu
def test_the_gpu_keeps_order_and_gives_the_same_bytes_again():
    passages = random_passages(np.random.default_rng(1).integers(0, 250, size=5000), 30000)
    encoder = cuda_encoder(MINILM, "cuda", token_budget=4096)
    vectors = encoder.encode(passages)
    np.testing.assert_array_equal(encoder.encode(passages), vectors)
    some = range(0, 5000, 200)
    alone = np.concatenate([encoder.encode([passages[index]]) for index in some])
    assert cosines(alone, vectors[some]).min() >= 0.999


@on_gpu
def test_grouped_attention_agrees_with_flash_attention_on_the_gpu(monkeypatch):
    passages = random_passages([250, 250, 3, 0, 17, 17, 2], 30000)
    expected = cuda_encoder(MINILM, "cuda").encode(passages)
    with_attention(monkeypatch, operations._grouped_attention)
    assert cosines(cuda_encoder(MINILM, "cuda").encode(passages), expected).min() >= 0.999


@on_gpu
def test_a_gpu_that_runs_out_of_memory_continues_with_smaller_batches(caplog):
    passages = random_passages([250] * 4000, 30000)
    encoder = cuda_encoder(MINILM, "cuda", token_budget=2_000_000)
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(1e9 / total)
    try:
        vectors = encoder.encode(passages)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert caplog.records
    expected = cuda_encoder(MINILM, "cuda").encode(passages[::100])
    assert cosines(vectors[::100], expected).min() >= 0.999
