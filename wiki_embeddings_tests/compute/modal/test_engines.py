"""The engines on Modal: one encoder per container, and the refusals of a container without a GPU.

The containers of the control plane run on this machine, whatever GPU was asked for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings.compute.modal.deployment import SECRET
from wiki_embeddings.encoders.cuda.gpu import find_gpu_problem
from wiki_embeddings.schemas import vectors_of
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.standins.modal import containers as modal_containers
from wiki_embeddings_tests.standins.modal.processes import find_processes
from wiki_embeddings_tests.standins.tei.fixtures import LocalTei
from wiki_embeddings_tests.standins.tei.install import install
from wiki_embeddings_tests.standins.tei.orders import VARIABLE, Orders
from wiki_embeddings_tests.support.dagster_runs import failures, metadata, recorded
from wiki_embeddings_tests.support.generated_wiki import WIKI

TEI = "TeiEmbedder.*"
CPU = "CpuEmbedder.*"

REFUSED = 6
"""Requests that a server refuses as overloaded. The first shard alone would take about two seconds
to ask so often, long enough for the second one to arrive."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, tiny_model) -> Iterator[Cloud]:
    """A small wiki on Modal, whose containers have TEI on their PATH, unlike this process."""
    folder = tmp_path_factory.mktemp("engines")
    path = f"{install(folder / 'bin').parent}{os.pathsep}{os.environ['PATH']}"
    with new_cloud(folder, tiny_model) as cloud:
        cloud.plane.assets.secrets[SECRET]["PATH"] = path
        cloud.serve(articles=60)
        # Shards of this size differ, so that requests tell which of them they are for.
        config: dict[str, dict[str, Any]] = {
            "raw_wikipedia": {"articles_per_shard": 5},
            "chunked_volume": {"containers": 1},
        }
        result = cloud.materialize("raw_wikipedia", "chunked_volume", config=config)
        assert result.success, failures(result)
        yield cloud


@pytest.fixture
def tei(cloud: Cloud, tmp_path) -> Iterator[LocalTei]:
    """The TEI of the containers that start from now on; its vectors are removed in the end."""
    cloud.plane.assets.secrets[SECRET][VARIABLE] = str(tmp_path)
    yield LocalTei(tmp_path)
    embedded = recorded(cloud.instance, "embeddings", WIKI)
    assert embedded is not None
    cloud.remove_output(embedded.folder)


@pytest.fixture
def containers_leave_their_processes(monkeypatch):
    """A container that ends leaves its processes behind; on Modal they end with it."""
    monkeypatch.setattr(modal_containers, "kill_processes", lambda _task_id: None)


def embed(cloud: Cloud, engine: str, precision: str = "auto") -> dg.ExecuteInProcessResult:
    config = {
        "embeddings": {
            "engine": engine,
            "precision": precision,
            "gpu": "A10",
            "containers": 1,
            "inputs_per_container": 2,
        },
    }
    return cloud.materialize("embeddings", config=config)


@pytest.fixture(scope="module")
def by_auto(cloud: Cloud) -> dg.ExecuteInProcessResult:
    """A run with the engine that the containers choose."""
    return embed(cloud, "auto")


def rows(cloud: Cloud, result: dg.ExecuteInProcessResult) -> pa.Table:
    """All embeddings of a run."""
    folder = metadata(result, "embeddings")["folder"]
    shards = sorted(
        (name, content)
        for name, content in cloud.committed().items()
        if name.startswith(f"{folder}/") and name.endswith(".parquet")
    )
    return pa.concat_tables(pq.read_table(io.BytesIO(content)) for _, content in shards)


def is_without_processes(cloud: Cloud) -> bool:
    """Whether all containers with TEI have ended, with every process that they started."""
    containers = cloud.plane.stats.containers(TEI)
    return not any(find_processes(container.task_id) for container in containers)


@pytest.mark.usefixtures("containers_leave_their_processes")
def test_tei_gives_the_vectors_of_the_cpu_with_one_server_per_container(cloud, tei, by_auto):
    tei.order(*[Orders(unhealthy_s=0.5, overloaded=REFUSED)] * 2)
    served = embed(cloud, "tei")
    settings = metadata(served, "embeddings")["settings"]["embeddings"]
    assert settings["runtime"] == "text-embeddings-inference 1.9.3"
    assert settings["precision"] == "float16"

    by_tei, by_cpu = rows(cloud, served), rows(cloud, by_auto)
    assert by_tei.drop_columns("embedding") == by_cpu.drop_columns("embedding")
    cosines = np.einsum("ij,ij->i", vectors_of(by_tei), vectors_of(by_cpu))
    assert len(cosines) == metadata(served, "embeddings")["dagster/row_count"] > 100
    assert cosines.min() >= 0.999

    # One container described the encoder, the other made all shards.
    assert len(tei.pids) == len(cloud.plane.stats.containers(TEI)) == 2
    assert {request.life for request in tei.served} == {1}
    assert len(tei.served) == metadata(served, "embeddings")["files"] + REFUSED
    # While the server refused, both shards of the container kept asking.
    assert len({request.tokens for request in tei.served[:REFUSED]}) == 2
    cloud.plane.wait_until(lambda: is_without_processes(cloud))


@pytest.mark.usefixtures("containers_leave_their_processes")
def test_a_killed_container_takes_its_tei_server_along_and_the_next_starts_its_own(cloud, tei):
    earlier = len(cloud.plane.stats.containers(TEI))
    fault = cloud.plane.faults.kill_on_input(nth=3, function=TEI)
    result = embed(cloud, "tei")
    assert metadata(result, "embeddings")["dagster/row_count"] == rows(cloud, result).num_rows
    [killed] = fault.killed
    assert len(tei.pids) == len(cloud.plane.stats.containers(TEI)) - earlier == 3
    cloud.plane.wait_until(lambda: not find_processes(killed), timeout_s=10)


@pytest.mark.skipif(find_gpu_problem() is None, reason="the containers have this machine's GPU")
def test_cuda_without_a_gpu_is_refused_before_any_shard_and_says_what_is_missing(cloud):
    earlier = len(cloud.plane.stats.inputs("Embedder.*"))
    result = embed(cloud, "cuda")
    assert not result.success
    problem = find_gpu_problem()
    assert problem is not None
    assert failures(result) == {"embeddings": f"The engine cuda cannot run here. {problem.reason}"}
    inputs = cloud.plane.stats.inputs("Embedder.*")[earlier:]
    assert [item.content.method_name for item in inputs] == ["describe"]


@pytest.mark.skipif(find_gpu_problem() is None, reason="the containers have this machine's GPU")
def test_auto_without_a_gpu_uses_the_cpu_and_the_metadata_say_so(cloud, by_auto):
    settings = metadata(by_auto, "embeddings")["settings"]["embeddings"]
    assert settings["engine"] == "cpu"
    assert settings["runtime"].startswith("onnxruntime ")
    assert {requested.gpu for requested in cloud.plane.stats.requested("Embedder.*")} == {"A10"}


def test_containers_compute_in_the_precision_of_the_config(cloud):
    earlier = len(cloud.plane.stats.containers(CPU))
    result = embed(cloud, "cpu", precision="int8")
    assert metadata(result, "embeddings")["settings"]["embeddings"]["precision"] == "int8"
    described, embedded = cloud.plane.stats.containers(CPU)[earlier:]
    assert described.task_id != embedded.task_id
    lengths = np.linalg.norm(vectors_of(rows(cloud, result)), axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=2e-3)


def test_a_precision_that_the_engine_lacks_is_refused_before_any_shard(cloud):
    result = embed(cloud, "cpu", precision="float16")
    assert failures(result) == {
        "embeddings": "The engine cpu computes in float32 or bfloat16 or int8, not in 'float16'."
    }
