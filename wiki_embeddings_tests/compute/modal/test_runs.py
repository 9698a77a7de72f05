"""The assets on Modal: the real client and containers, against the local control plane."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.compute.modal.cloud import ASSETS, WIKI, Cloud, failures, new_cloud

SHARDS_AT_LEAST = 200
FUNCTIONS = ("fetch_part", "chunk_shard", "Embedder.*", "make_dataset_file")
CALL_LIMIT_BYTES = 10 * 1024


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
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(checks, True)
    assert len(checks) == 10
    made = result.asset_materializations_for_node("embeddings")[0]
    assert int(made.metadata["files"].value) >= SHARDS_AT_LEAST


def test_every_file_is_byte_for_byte_what_this_machine_makes(run):
    cloud, _ = run
    assert cloud.committed() == cloud.locally()


def test_no_call_carries_more_than_ten_kilobytes_either_way(run):
    cloud, _ = run
    payloads = cloud.plane.stats.payloads()
    assert len(payloads) > 4 * SHARDS_AT_LEAST
    assert max(len(payload.data) for payload in payloads) < CALL_LIMIT_BYTES


def test_as_many_containers_work_as_the_config_allows_and_all_have_a_share(run):
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


def test_the_record_tells_what_it_cost_and_where_to_look(run):
    _, result = run
    made = result.asset_materializations_for_node("embeddings")[0].metadata
    assert float(made["gpu_seconds"].value) > 0
    assert float(made["dollars"].value) > 0
    assert str(made["modal_call"].value).startswith("https://modal.com/id/fc-")
    assert float(made["tokens_per_second"].value) > 0
    assert float(made["characters_per_second"].value) > 0


def test_observations_tell_how_far_a_map_has_come(run):
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
    again = cloud.materialize()
    assert again.success, failures(again)
    asked = {"Embedder.*": 1}  # describes itself; no shard is given to it
    assert {name: len(cloud.plane.stats.inputs(name)) for name in FUNCTIONS} == {
        name: inputs + asked.get(name, 0) for name, inputs in computed.items()
    }
    for asset in ASSETS:
        reused = str(again.asset_materializations_for_node(asset)[0].metadata["reused"].value)
        done, _, total = reused.partition(" of ")
        assert total.startswith(done), reused
    assert cloud.committed() == before


def test_the_dataset_is_fetched_with_the_command_that_the_metadata_names(run, tmp_path):
    cloud, result = run
    made = result.asset_materializations_for_node("hub_dataset")[0].metadata
    _, get, move, *_ = str(made["how_to_load"].value).split("\n")
    assert get.startswith("modal volume get ")
    cloud.plane.run_cli(*get.split()[1:], cwd=tmp_path)
    subprocess.run(move.split(), cwd=tmp_path, check=True)
    folder = tmp_path / move.split()[-1]
    assert (folder / "README.md").is_file(), sorted(tmp_path.rglob("*"))
    manifest = read_manifest(Volume(tmp_path), folder.name)
    assert manifest is not None
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
    assert fetched == {file.name for file in manifest.files} - {"README.md"}


def test_the_bundled_sample_comes_out_as_on_this_machine(cloud):
    few = {
        "raw_wikipedia": {"fraction": 0.04, "shard_mib": 0.02},
        "chunked_volume": {"model": None},
    }
    result = cloud.materialize(wiki="sample", config=few)
    assert result.success, failures(result)
    assert cloud.committed() == cloud.locally(wiki="sample", config=few)
