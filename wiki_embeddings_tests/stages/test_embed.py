from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.materialize import materialize
from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.cpu import processor
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.progress import silent
from wiki_embeddings.schemas import stored_vectors, vectors_of
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.stages import chunk, embed, fetch
from wiki_embeddings.stages.shard import Plan, read_input
from wiki_embeddings.volume import Volume


@pytest.fixture(autouse=True)
def no_encoder_yet() -> Iterator[None]:
    embed._load_once.cache_clear()
    yield
    embed._load_once.cache_clear()


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return Volume(tmp_path_factory.mktemp("embed") / "volume")


@pytest.fixture(scope="module")
def chunks(volume, tiny_model) -> Manifest:
    """A tenth of the sample in chunks of its own tokenizer, a shard of a few dozen each."""
    compute = LocalCompute(volume.root, cores=1)
    part = fetch.plan(ArticleSelection("sample", fraction=0.1), articles_per_shard=2)
    raw = materialize(part, compute, silent, "raw_wikipedia").manifest
    config = chunk.prepare(volume, str(tiny_model), None, token_budget=256, title_prefix=True)
    return materialize(chunk.plan(raw, config), compute, silent, "chunked_volume").manifest


def planned(chunks: Manifest, engine: str, precision: str | None = None) -> Plan[embed.EmbedSpec]:
    return embed.plan(chunks, encoders.describe(chunks.model_folder, engine, precision=precision))


def vectors(volume: Volume, spec: embed.EmbedSpec) -> npt.NDArray[np.float32]:
    return vectors_of(pq.read_table(volume.path(spec.folder) / spec.name))


def ignored(_units: int) -> None:
    """Progress that nobody watches."""


def test_shards_that_come_at_the_same_moment_share_one_encoder(chunks, volume, monkeypatch):
    loaded: list[encoders.Encoder] = []
    load = encoders.load

    def slow_load(*args, **kwargs):
        time.sleep(0.2)  # long enough for the other shards to come by
        loaded.append(load(*args, **kwargs))
        return loaded[-1]

    monkeypatch.setattr(encoders, "load", slow_load)
    specs = planned(chunks, "cpu").specs
    assert len(specs) > 2
    with ThreadPoolExecutor(len(specs)) as inputs:
        reports = list(inputs.map(lambda spec: embed.embed_shard(spec, volume, ignored), specs))
    assert sum(report.file.rows for report in reports) == chunks.rows
    assert len(loaded) == 1


def test_the_same_shard_gives_the_same_bytes_again(chunks, volume, tmp_path):
    spec = planned(chunks, "cpu").specs[0]
    first = embed.embed_shard(spec, volume, ignored)
    volume.path(spec.folder).rename(tmp_path / "before")
    again = embed.embed_shard(spec, volume, ignored)
    assert not again.reused
    assert again.file.sha256 == first.file.sha256


def test_stored_vectors_keep_every_bit_although_their_bytes_lie_apart(chunks, volume, tmp_path):
    table = read_input(volume, planned(chunks, "cpu").specs[0].chunks, "chunked_volume")
    vectors = np.random.default_rng(0).standard_normal((table.num_rows, 24), dtype=np.float32)
    embed.write_table(tmp_path / "shard.parquet", embed.with_vectors(table, vectors))
    read = pq.read_table(tmp_path / "shard.parquet")
    np.testing.assert_array_equal(stored_vectors(read), vectors.astype(np.float16))
    assert read.column("text").equals(table.column("text"))
    group = pq.ParquetFile(tmp_path / "shard.parquet").metadata.row_group(0)
    columns = {group.column(place).path_in_schema: place for place in range(group.num_columns)}
    numbers = group.column(columns["embedding.list.element"])
    assert "BYTE_STREAM_SPLIT" in numbers.encodings
    assert numbers.statistics is None
    assert group.column(columns["id"]).statistics is not None


def test_an_input_that_cannot_be_read_is_named_with_what_helps(chunks, tmp_path):
    file, volume = planned(chunks, "cpu").specs[0].chunks, Volume(tmp_path)
    with pytest.raises(BadInputError, match=r"found missing.*: materialize chunked_volume again"):
        read_input(volume, file, "chunked_volume")
    volume.path(file.reference).mkdir(parents=True)
    with pytest.raises(BadInputError, match=r"Cannot read .*: Is a directory\. Put that right"):
        read_input(volume, file, "chunked_volume")


def test_tokens_are_read_as_they_are_stored_from_any_slice_of_a_shard(chunks, volume):
    table = read_input(volume, planned(chunks, "cpu").specs[0].chunks, "chunked_volume")
    for part in (table, table.slice(3, 5), table.slice(2, 0)):
        found = [tokens.tolist() for tokens in embed.stored_tokens(part)]
        assert found == part.column("tokens").to_pylist()


def test_a_process_keeps_one_encoder_and_drops_it_for_another(tiny_model):
    exact = partial(encoders.describe, engine="cpu", precision="float32")
    tiny, bundled = exact(tiny_model), exact(None)
    first = embed.loaded_encoder(tiny.model, tiny.revision, "cpu", "float32")
    assert embed.loaded_encoder(tiny.model, tiny.revision, "cpu", "float32") is first
    assert embed.loaded_encoder(bundled.model, bundled.revision, "cpu", "float32").info == bundled
    assert embed.loaded_encoder(tiny.model, tiny.revision, "cpu", "float32") is not first


def test_a_shard_is_computed_in_the_numbers_of_its_plan_whatever_the_machine(
    chunks, volume, monkeypatch
):
    plans = {precision: planned(chunks, "cpu", precision) for precision in ("float32", "int8")}
    monkeypatch.setattr(processor, "processor_flags", frozenset)
    made = {}
    for precision, plan in plans.items():
        embed.embed_shard(plan.specs[0], volume, ignored)
        made[precision] = vectors(volume, plan.specs[0])
        assert (
            embed.loaded_encoder(
                plan.specs[0].model, plan.specs[0].revision, "cpu", precision
            ).info.precision
            == precision
        )
    assert plans["float32"].folder != plans["int8"].folder
    cosines = np.einsum("ij,ij->i", made["float32"], made["int8"])
    assert 0.9 < cosines.mean() < 0.999999


def test_a_gpu_that_is_out_of_memory_finishes_its_shard_in_smaller_batches(
    chunks, volume, tmp_path, monkeypatch, caplog
):
    torch = pytest.importorskip("torch", reason="PyTorch, the extra `cuda`, is not installed")
    from wiki_embeddings.encoders.cuda import encoder, torch_bert

    monkeypatch.setattr(engines, "find_gpu_problem", lambda: None)
    monkeypatch.setattr(encoder, "CudaEncoder", partial(encoder.CudaEncoder, device="cpu"))
    spec = planned(chunks, "cuda").specs[0]
    embed.embed_shard(spec, volume, ignored)
    expected = vectors(volume, spec)
    volume.path(spec.folder).rename(tmp_path / "without_fault")

    refused: list[int] = []

    def little_memory(bert, batch):
        if len(batch.ids) > 1000:
            refused.append(len(batch.ids))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch_bert.encode_batch(bert, batch)

    monkeypatch.setattr(encoder, "encode_batch", little_memory)
    done: list[int] = []
    with caplog.at_level(logging.WARNING):
        report = embed.embed_shard(spec, volume, done.append)
    assert refused
    assert "continuing with batches of at most" in caplog.text
    assert not report.reused
    assert report.file.rows == sum(done) == spec.units
    half_precision_step = 2.0**-11  # of numbers below 1, as which vectors are stored
    np.testing.assert_allclose(vectors(volume, spec), expected, atol=half_precision_step)
