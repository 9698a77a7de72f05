"""The benchmark of the engine `cuda`, without a GPU and mostly without sentence-transformers."""

from __future__ import annotations

import importlib.util
import io
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")

from benchmarks.cuda import chip, ours, peers, tables
from benchmarks.cuda.first_vector import time_first_vector
from benchmarks.cuda.models import Size, bundled_copy, our_encoder, random_model
from benchmarks.cuda.prediction import datasheet_flops, predict_fleets
from benchmarks.cuda.work import measure_lengths, sample_chunks, write_work
from wiki_embeddings.encoders.cuda.torch_bert import encode_batch
from wiki_embeddings.encoders.models.known import ModelShape
from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.estimate import flops_per_token
from wiki_embeddings.volume import Volume

TINY = Size(layers=1, heads=2, hidden_size=32, intermediate_size=64, pooling="cls", like="tiny")


@pytest.fixture(scope="module")
def chunks(tmp_path_factory):
    return sample_chunks(Volume(tmp_path_factory.mktemp("sample")), fraction=0.03)


@pytest.fixture(scope="module")
def work(chunks, tmp_path_factory):
    volume = Volume(tmp_path_factory.mktemp("work"))
    return write_work(volume, *chunks, passages=200, shards=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return random_model(tmp_path_factory.mktemp("models") / "tiny", TINY)


@pytest.fixture(scope="module")
def encoder(folder):
    return our_encoder(folder, "cpu")


def test_work_has_the_requested_number_of_passages_with_the_samples_lengths(chunks, work):
    assert work.passages == 600
    assert len(work.texts) == 200
    mean = measure_lengths(chunks[0]).mean
    assert work.tokens / work.passages == pytest.approx(mean, rel=0.05)
    file = work.volume.path(work.chunks.folder) / "shard-00002.parquet"
    lengths = np.array([len(tokens) + 2 for tokens in pq.read_table(file)["tokens"].to_pylist()])
    assert lengths.sum() * 3 == work.tokens


def test_long_passages_dominate_the_cost_of_attention(chunks):
    lengths = measure_lengths(chunks[0])
    assert lengths.mean < lengths.attended <= 256


def test_all_work_is_embedded_by_the_stage_and_removed(encoder, work):
    found = ours.embed_all(encoder, work)
    assert found.seconds > 0
    assert found.bytes > work.passages * TINY.hidden_size * 2 / 2
    assert not list(work.volume.path("sample/turns").iterdir())


def test_the_model_alone_computes_the_tokens_of_one_shard_once(encoder, work, monkeypatch):
    computed = []

    def count(bert, batch):
        computed.append(len(batch.ids))
        return encode_batch(bert, batch)

    monkeypatch.setattr(ours, "encode_batch", count)
    assert ours.time_model(encoder, work) > 0
    assert sum(computed) * len(work.chunks.files) == work.tokens


def test_feeding_the_model_is_a_part_of_the_processors_work(encoder, work):
    host = ours.measure_host(encoder, work, tries=1)
    assert 0 < host.feeding < host.through
    assert host.whole > 0


def test_the_model_is_restored_after_measuring_without_it(encoder, work):
    expected = encoder.encode_texts(work.texts[:3])
    ours.measure_host(encoder, work, tries=1)
    np.testing.assert_array_equal(encoder.encode_texts(work.texts[:3]), expected)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_bundled_model_can_have_either_pooling(pooling, tmp_path):
    info: EncoderInfo = our_encoder(bundled_copy(tmp_path / "model", pooling), "cpu").info
    assert (info.pooling, info.max_length, info.precision) == (pooling, 512, "float32")


def test_the_rates_of_a_device_are_positive(monkeypatch):
    monkeypatch.setattr(chip, "_WARM_S", 0.01)
    rates = chip.measure_chip("cpu", matrix_sides=(32, 64), copied_bytes=1 << 16)
    assert rates.matrix_side in {32, 64}
    assert rates.matrix_flops > 0
    assert rates.copy_bytes > 0
    assert rates.upload_bytes is None


def test_a_new_process_reports_the_time_to_its_first_vector(folder):
    first = time_first_vector(folder, "cpu")
    assert first.total > first.importing + first.loading + first.encoding > 0


def test_predictions_apply_the_share_to_each_datasheet_rate():
    one_h100, _, fifty_a10 = predict_fleets(0.25, flops_per_token=46.6e6, tokens=4.5e9)
    assert one_h100.tokens_per_s == pytest.approx(0.25 * 989e12 / 46.6e6)
    assert one_h100.seconds == pytest.approx(4.5e9 / one_h100.tokens_per_s)
    assert one_h100.dollars == pytest.approx(one_h100.seconds * 0.001097)
    assert fifty_a10.seconds == pytest.approx(4.5e9 / fifty_a10.tokens_per_s / 50)
    assert fifty_a10.dollars == pytest.approx(fifty_a10.seconds * 50 * 0.000306)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA A10G", 70e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA GeForce RTX 4090", None),
        ("the processor", None),
    ],
)
def test_a_chips_datasheet_rate_is_found_by_its_name(name, expected):
    assert datasheet_flops(name) == expected


def test_a_token_of_bge_small_costs_its_layers_multiplications():
    small = ModelShape(layers=12, hidden_size=384, intermediate_size=1536)
    weights = 4 * 384**2 + 2 * 384 * 1536
    assert math.isclose(flops_per_token(small, 225.0), 12 * (2 * weights + 4 * 384 * 225))


def test_a_peer_that_is_not_installed_is_missing_with_the_reason(folder, monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda _name: None)
    with pytest.raises(peers.MissingPeerError, match="not installed"):
        peers.load_peer(folder, "cpu")


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="sentence-transformers is only in the benchmarks' environment",
)
def test_a_random_model_has_the_same_vectors_in_sentence_transformers(folder, encoder, work):
    theirs = peers.encode(peers.load_peer(folder, "cpu"), work.texts[:8])
    np.testing.assert_allclose(encoder.encode_texts(work.texts[:8]), theirs, atol=1e-5)


def test_the_rate_table_has_each_peer_and_why_one_is_missing():
    rates = [
        tables.Rate("bge-small", "ours", 4000.0, 1e6, bytes_per_s=5e6),
        tables.Rate("bge-small", "theirs", 500.0, 1e6),
        tables.Rate("bge-small", "the other", None, 1e6, note="needs a GPU"),
    ]
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tables.rate_table(rates, "GPU", matrix_flops=1e10))
    text = console.export_text()
    assert "8.00×" in text
    assert "40%" in text
    assert "5.00" in text
    assert "the other: needs a GPU" in text
