"""The engine `cuda`: here on the processor, in float32; where there is a GPU, on that too."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wiki_embeddings import encoders
from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.errors import BadInputError, BrokenDeviceError, WikiEmbeddingsError
from wiki_embeddings_tests.encoders.references import (
    TINY,
    copied_model,
    reference_texts,
    reference_vectors,
)

torch = pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")

from wiki_embeddings.encoders.cuda import encoder as cuda  # noqa: E402 (imports PyTorch)
from wiki_embeddings.encoders.cuda import torch_bert  # noqa: E402
from wiki_embeddings.encoders.cuda.encoder import CudaEncoder  # noqa: E402

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")

MINILM = None
TINY_VOCABULARY = 132


def cuda_encoder(model=TINY, device="cpu", **options):
    return CudaEncoder(resolve(model), encoders.describe(model, "cpu"), device=device, **options)


@pytest.fixture(scope="module")
def tiny():
    return cuda_encoder()


@pytest.fixture(scope="module")
def minilm():
    return cuda_encoder(MINILM)


def passages(lengths, vocab_size=TINY_VOCABULARY, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(5, vocab_size, size=length, dtype=np.uint16) for length in lengths]


def cosines(left, right):
    return np.einsum("ij,ij->i", left, right)


@pytest.fixture
def little_memory(monkeypatch):
    """Lets no batch of more tokens through than is given, and tells of all that it lets through."""

    def limit(most_tokens):
        passed = []

        def encode_batch(bert, batch):
            if len(batch.ids) > most_tokens:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            passed.append(batch.lengths.tolist())
            return torch_bert.encode_batch(bert, batch)

        monkeypatch.setattr(cuda, "encode_batch", encode_batch)
        return passed

    return limit


def test_mean_pooling_agrees_with_sentence_transformers(minilm):
    vectors = minilm.encode_texts(reference_texts())
    assert cosines(vectors, reference_vectors("minilm", "texts")).min() >= 0.9999


@pytest.mark.parametrize(("kind", "query"), [("queries", True), ("passages", False)])
def test_cls_pooling_with_prompts_agrees_with_sentence_transformers(tiny, kind, query):
    vectors = tiny.encode_texts(reference_texts(), query=query)
    assert tiny.info.pooling == "cls"
    assert cosines(vectors, reference_vectors("tiny_cls", kind)).min() >= 0.9999


@pytest.mark.parametrize("model", [TINY, MINILM])
def test_the_vectors_are_those_of_the_engine_cpu(model):
    texts = passages([0, 1, 7, 7, 7, 30, 59, 60])
    expected = encoders.load(model, "cpu", precision="float32").encode(texts)
    np.testing.assert_allclose(cuda_encoder(model).encode(texts), expected, atol=2e-6)


def test_vectors_have_length_one_and_are_float32(tiny):
    vectors = tiny.encode(passages([0, 3, 60]))
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, tiny.info.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("query", [False, True])
def test_no_texts_give_no_vectors(tiny, query):
    assert tiny.encode([]).shape == (0, 48)
    assert tiny.encode_texts([], query=query).shape == (0, 48)


def test_a_passage_without_tokens_is_encoded_as_the_empty_text(tiny):
    empty = tiny.encode([np.array([], dtype=np.uint16)])
    np.testing.assert_array_equal(empty, tiny.encode_texts([""]))


def test_the_longest_passage_fits_and_one_token_more_is_refused(minilm):
    assert minilm.encode(passages([254], 30000)).shape == (1, 384)
    with pytest.raises(BadInputError, match=r"255 tokens.*reads at most 254"):
        minilm.encode(passages([3, 255], 30000))


def test_order_is_kept_whatever_the_lengths(tiny):
    texts = passages([3, 50, 0, 12, 50, 1, 30, 2])
    alone = np.concatenate([tiny.encode([text]) for text in texts])
    np.testing.assert_allclose(tiny.encode(texts), alone, atol=1e-5)


def test_thousands_of_passages_of_all_lengths_keep_their_order(tiny):
    texts = passages(np.random.default_rng(1).integers(0, 60, size=5000))
    vectors = tiny.encode(texts)
    shuffled = np.random.default_rng(2).permutation(len(texts))
    again = tiny.encode([texts[index] for index in shuffled])
    np.testing.assert_allclose(again, vectors[shuffled], atol=1e-5)


@pytest.mark.parametrize("budget", [1, 64, 1000])
def test_the_token_budget_decides_batches_and_not_vectors(tiny, budget):
    texts = passages(range(61))
    vectors = cuda_encoder(token_budget=budget).encode(texts)
    np.testing.assert_allclose(vectors, tiny.encode(texts), atol=1e-5)


def test_the_same_sequences_give_the_same_bytes(tiny):
    texts = passages(range(61))
    np.testing.assert_array_equal(tiny.encode(texts), tiny.encode(texts))


def test_progress_counts_every_passage_once():
    seen: list[int] = []
    cuda_encoder(token_budget=500).encode(passages([40] * 100), progress=seen.append)
    assert sum(seen) == 100
    assert len(seen) >= 8


def test_a_broken_progress_stops_the_encoding_with_its_own_error(tiny):
    def refuse(_count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny.encode(passages([40] * 100), progress=refuse)
    assert tiny.encode(passages([4])).shape == (1, 48)


def test_a_batch_is_given_to_the_device_before_the_last_is_waited_for(monkeypatch):
    events: list[str] = []

    def encode_batch(bert, batch):
        events.append("given")
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    encoder = cuda_encoder(token_budget=44)
    encoder.encode(passages([40] * 3), progress=lambda _count: events.append("taken"))
    assert events == ["given", "given", "taken", "given", "taken", "taken"]


def test_flash_attention_gets_what_its_kernel_asks_for(tiny, monkeypatch):
    """There is no such kernel for the processor: this checks and computes as it does."""

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

    texts = passages([60, 3, 0, 17, 17, 2])
    expected = tiny.encode(texts)
    monkeypatch.setattr(torch_bert, "varlen_attn", varlen_attn)
    monkeypatch.setattr(
        torch_bert, "_choose_attention", lambda _device, _width: torch_bert._flash_attention
    )
    np.testing.assert_allclose(cuda_encoder().encode(texts), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("capability", "head_width", "expected"),
    [
        ((8, 0), 64, torch_bert._flash_attention),
        ((8, 6), 32, torch_bert._flash_attention),
        ((9, 0), 256, torch_bert._flash_attention),
        ((7, 5), 64, torch_bert._grouped_attention),
        ((9, 0), 20, torch_bert._grouped_attention),
        ((9, 0), 264, torch_bert._grouped_attention),
    ],
)
def test_flash_attention_is_for_recent_gpus_and_widths_that_it_knows(
    capability, head_width, expected, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert torch_bert._choose_attention(torch.device("cuda"), head_width) is expected


def test_out_of_memory_halves_the_batches_and_loses_nothing(tiny, little_memory, caplog):
    texts = passages([40] * 30)  # of 44 tokens with prefix and special tokens
    expected = tiny.encode(texts)
    passed = little_memory(most_tokens=200)
    encoder = cuda_encoder(token_budget=1000)
    seen: list[int] = []
    with caplog.at_level(logging.WARNING):
        vectors = encoder.encode(texts, progress=seen.append)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert sum(map(len, passed)) == sum(seen) == 30  # each computed once
    budgets = [record.args[1] for record in caplog.records]
    assert budgets == [22 * 44 // 2, 11 * 44 // 2, 5 * 44 // 2]
    assert f"at most {budgets[-1]} tokens" in caplog.text


def test_batches_stay_small_once_memory_was_short(little_memory, caplog):
    passed = little_memory(most_tokens=200)
    encoder = cuda_encoder(token_budget=1000)
    encoder.encode(passages([40] * 30))
    caplog.clear()
    passed.clear()
    encoder.encode(passages([40] * 30))
    assert not caplog.records
    assert max(map(len, passed)) == 2


def test_memory_that_gets_short_halfway_loses_nothing(tiny, monkeypatch, caplog):
    texts = passages(range(61))
    expected = tiny.encode(texts)
    calls = 0

    def encode_batch(bert, batch):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    vectors = cuda_encoder(token_budget=300).encode(texts)
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert len(caplog.records) == 1


def test_a_batch_much_smaller_than_the_budget_gets_smaller_at_once(little_memory, caplog):
    little_memory(most_tokens=50)
    assert cuda_encoder(token_budget=1_000_000).encode(passages([40, 40])).shape == (2, 48)
    assert [record.args[1] for record in caplog.records] == [44]


def test_a_text_that_does_not_fit_alone_is_an_error_that_says_so(little_memory):
    little_memory(most_tokens=43)
    encoder = cuda_encoder()
    with pytest.raises(WikiEmbeddingsError, match=r"no memory left.*single text of 44 tokens"):
        encoder.encode(passages([3, 40, 3]))
    assert encoder.encode(passages([3])).shape == (1, 48)


def test_other_failures_of_the_device_are_not_taken_for_a_lack_of_memory(monkeypatch):
    def broken(_bert, _batch):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(cuda, "encode_batch", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        cuda_encoder().encode(passages([3, 3]))


def test_weights_that_do_not_fit_are_an_error_that_says_so(monkeypatch):
    def full(*_arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(cuda, "build_bert", full)
    with pytest.raises(WikiEmbeddingsError, match="no memory left for the weights"):
        cuda_encoder()


def test_a_gpu_that_fails_is_told_from_a_bug(monkeypatch):
    def broken(*_arguments):
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    encoder = cuda_encoder()
    monkeypatch.setattr(cuda, "encode_batch", broken)
    with pytest.raises(BrokenDeviceError, match=r"illegal memory access.*nvidia-smi"):
        encoder.encode(passages([3]))


def test_vectors_that_are_no_numbers_are_an_error(tmp_path):
    folder = copied_model(tmp_path)
    weights = load_file(folder / "model.safetensors")
    name = "embeddings.LayerNorm.weight"
    overflowing = np.full_like(weights[name], 3e38)
    save_file({**weights, name: overflowing}, folder / "model.safetensors")
    with pytest.raises(WikiEmbeddingsError, match=r"no numbers in float.*engine cpu"):
        cuda_encoder(folder).encode(passages([3]))


def test_the_same_encoder_serves_several_threads_one_at_a_time(tiny, monkeypatch):
    texts = passages(range(60))
    expected = tiny.encode(texts)
    computing = threading.Lock()

    def encode_batch(bert, batch):
        assert computing.acquire(blocking=False)
        try:
            return torch_bert.encode_batch(bert, batch)
        finally:
            computing.release()

    monkeypatch.setattr(cuda, "encode_batch", encode_batch)
    with ThreadPoolExecutor(4) as executor:
        for vectors in executor.map(tiny.encode, [texts] * 16):
            np.testing.assert_array_equal(vectors, expected)


def test_load_takes_the_engine_and_describe_says_what_it_is(monkeypatch):
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
    texts = passages(np.random.default_rng(1).integers(0, 250, size=5000), 30000)
    encoder = cuda_encoder(MINILM, "cuda", token_budget=4096)
    vectors = encoder.encode(texts)
    np.testing.assert_array_equal(encoder.encode(texts), vectors)
    some = range(0, 5000, 200)
    alone = np.concatenate([encoder.encode([texts[index]]) for index in some])
    assert cosines(alone, vectors[some]).min() >= 0.999


@on_gpu
def test_attention_by_groups_of_equal_lengths_does_the_same_on_the_gpu(monkeypatch):
    texts = passages([250, 250, 3, 0, 17, 17, 2], 30000)
    expected = cuda_encoder(MINILM, "cuda").encode(texts)
    monkeypatch.setattr(
        torch_bert, "_choose_attention", lambda _device, _width: torch_bert._grouped_attention
    )
    assert cosines(cuda_encoder(MINILM, "cuda").encode(texts), expected).min() >= 0.999


@on_gpu
def test_a_gpu_that_is_really_out_of_memory_goes_on_with_smaller_batches(caplog):
    texts = passages([250] * 4000, 30000)
    encoder = cuda_encoder(MINILM, "cuda", token_budget=2_000_000)
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(1e9 / total)
    try:
        vectors = encoder.encode(texts)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert caplog.records
    expected = cuda_encoder(MINILM, "cuda").encode(texts[::100])
    assert cosines(vectors[::100], expected).min() >= 0.999
