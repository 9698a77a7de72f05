"""The assets on Modal: the real client and containers, against the local control plane."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.compute.modal import preflight
from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.support.dagster_runs import checks, failed_checks, failures, metadata
from wiki_embeddings_tests.support.generated_wiki import WIKI

SHARDS_AT_LEAST = 200
FUNCTIONS = ("fetch_part", "chunk_shard", "Embedder.*", "make_dataset_file")
CALL_LIMIT_BYTES = 10 * 1024
PICTURE_LIMIT_BYTES = 100 * 1024

MOST_REQUESTS = 40
"""Requests of a run in which nothing is to do, however many shards there are.

Four of them are for two checks, because the files of this wiki overlap in page ids. The command
line makes two more: it asks for the model before the run begins."""


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[tuple[Cloud, dg.ExecuteInProcessResult]]:
    """A wiki of some hundred shards that went through all four assets."""
    with new_cloud(tmp_path_factory.mktemp("run"), tiny_model) as cloud:
        cloud.serve(articles=700, files=4)
        yield cloud, cloud.materialize()


def test_all_four_assets_and_their_checks_succeed(run):
    _, result = run
    assert result.success, failures(result)
    assert len(checks(result)) == 13
    assert failed_checks(result) == ["recall_at_10"], "weights are random; it only warns"
    assert metadata(result, "embeddings")["files"] >= SHARDS_AT_LEAST


def test_every_file_is_byte_for_byte_what_this_machine_makes(run):
    cloud, _ = run
    assert below(WIKI, cloud.committed()) == below(WIKI, cloud.locally())


def test_no_call_carries_more_than_ten_kilobytes_either_way_but_that_of_the_map(run):
    cloud, _ = run
    payloads = cloud.plane.stats.payloads()
    assert len(payloads) > 4 * SHARDS_AT_LEAST
    *others, picture = sorted(len(payload.data) for payload in payloads)
    assert others[-1] < CALL_LIMIT_BYTES < picture < PICTURE_LIMIT_BYTES


def test_as_many_containers_work_as_the_config_allows_and_each_has_a_share(run):
    cloud, _ = run
    for function in ("chunk_shard", "Embedder.*"):
        # The embedder is asked what it is in a container of a kind of its own, before the map.
        kinds = {container.live.id for container in cloud.plane.stats.containers(function)}
        assert max(map(cloud.plane.stats.peak_containers, kinds)) == 3
        shares = cloud.plane.stats.inputs_per_container(function)
        busy = [inputs for inputs in shares.values() if inputs > SHARDS_AT_LEAST / 10]
        assert len(busy) == 3, shares


def test_the_parts_of_an_edition_are_fetched_side_by_side(run):
    cloud, _ = run
    assert sorted(cloud.plane.stats.inputs_per_container("fetch_part").values()) == [1, 1, 1, 1]


def test_the_run_config_decides_gpu_and_containers_without_deploying_again(run):
    cloud, _ = run
    assert len(cloud.plane.stats.deployments("wiki-embeddings")) == 1
    assert {asked.gpu for asked in cloud.plane.stats.requested("Embedder.*")} == {"L4"}


def test_the_metadata_name_the_cost_the_speed_and_the_call(run):
    _, result = run
    recorded = metadata(result, "embeddings")
    for name in ("gpu_seconds", "dollars", "tokens_per_second", "characters_per_second"):
        assert recorded[name] > 0
    assert recorded["modal_call"].startswith("https://modal.com/id/fc-")


def test_observations_show_the_progress_of_a_map(run):
    cloud, _ = run
    key = dg.AssetKey("embeddings")
    records = cloud.instance.fetch_observations(key, limit=10).records
    observed = records[0].asset_observation
    assert observed is not None
    assert observed.partition == WIKI
    assert observed.metadata["shards_done"] == observed.metadata["shards_total"]
    assert {"containers", "gpu_seconds", "dollars", "prices_as_of", "modal_call"} <= set(
        observed.metadata
    )


def test_a_second_run_keeps_every_shard(run):
    cloud, _ = run
    before = cloud.committed()
    computed = {name: len(cloud.plane.stats.inputs(name)) for name in FUNCTIONS}
    asked = len(cloud.plane.client_requests)
    preflight._require_ready.cache_clear()  # like a process of its own
    again = cloud.materialize()
    assert again.success, failures(again)
    requests = cloud.plane.client_requests[asked:]
    assert len(requests) <= MOST_REQUESTS, Counter(requests)
    described = {"Embedder.*": 1}  # describes itself; no shard is given to it
    assert {name: len(cloud.plane.stats.inputs(name)) for name in FUNCTIONS} == {
        name: inputs + described.get(name, 0) for name, inputs in computed.items()
    }
    for asset in ASSET_KEYS:
        (kept,) = [n for name, n in metadata(again, asset).items() if name.endswith("_kept")]
        assert kept > 0
    assert cloud.committed() == before


def test_the_dataset_is_fetched_with_the_command_in_the_metadata(run, tmp_path):
    cloud, result = run
    _, get, move, *_ = metadata(result, "hub_dataset")["how_to_load"].split("\n")
    assert get.startswith("modal volume get ")
    cloud.plane.run_cli(*get.split()[1:], cwd=tmp_path)
    subprocess.run(move.split(), cwd=tmp_path, check=True)
    folder = tmp_path / move.split()[-1]
    assert (folder / "README.md").is_file(), sorted(tmp_path.rglob("*"))
    manifest = read_manifest(Volume(tmp_path), folder.name)
    assert manifest is not None
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    assert fetched == {file.name for file in manifest.files} - {"README.md"}


def test_the_bundled_sample_comes_out_as_on_this_machine(run):
    cloud, _ = run
    config = {
        "raw_wikipedia": {"fraction": 0.02, "articles_per_shard": 1, "containers": 1},
        "chunked_volume": {"model": None, "containers": 1},
        "embeddings": {"containers": 1},
        "hub_dataset": {"containers": 1},
    }
    result = cloud.materialize(wiki="sample", config=config)
    assert result.success, failures(result)
    expected = cloud.locally(wiki="sample", config=config)
    assert below("sample", cloud.committed()) == below("sample", expected) != {}


def below(wiki: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.startswith(f"{wiki}/")}
