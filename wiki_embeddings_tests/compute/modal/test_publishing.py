"""Publishing from Modal's containers to the Hub: both local, both with their real clients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wiki_embeddings.compute.modal.deployment import SECRET, VOLUME
from wiki_embeddings_tests.compute.modal.cloud import WIKI, Cloud, failures, new_cloud
from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN

REPO_ID = "cantor/wikipedia-simple-tiny-bert"
ARTICLES = 60
FEW_SHARDS = {"raw_wikipedia": {"shard_mib": 0.02}}
LAYOUT = {"hub_dataset": {"file_mib": 1.0, "upload_containers": 2}}


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[tuple[Cloud, dg.ExecuteInProcessResult]]:
    """A wiki that went all the way to the Hub."""
    with new_cloud(tmp_path_factory.mktemp("run"), tiny_model, WRITE_TOKEN) as cloud:
        cloud.serve(articles=ARTICLES)
        yield cloud, cloud.materialize(namespace="cantor", config=FEW_SHARDS | LAYOUT)


def test_the_dataset_is_on_the_hub_and_reads_back(run):
    cloud, result = run
    assert result.success, failures(result)
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks["reads_back_from_the_hub"]
    made = result.asset_materializations_for_node("hub_dataset")[0].metadata
    assert made["hub"].value == f"{cloud.hub.url}/datasets/{REPO_ID}"
    assert made["hub_tag"].value == "20231101"


def test_what_is_there_is_what_lies_on_the_volume(run):
    cloud, _ = run
    there = {
        path: file.data
        for path, file in cloud.hub.files(REPO_ID).items()
        if path.endswith(".parquet")
    }
    on_volume = {
        name.split("/", 3)[3]: content
        for name, content in cloud.plane.volumes.files(VOLUME).items()
        if name.startswith(f"{WIKI}/hub/") and name.endswith(".parquet")
    }
    assert there == on_volume
    rows = pa.concat_tables(
        pq.read_table(pa.BufferReader(data))
        for path, data in sorted(there.items())
        if path.startswith("data/")
    )
    assert len(set(rows.column("id").to_pylist())) == ARTICLES


def test_containers_upload_and_dagster_has_no_token(run):
    cloud, _ = run
    assert "HF_TOKEN" not in os.environ
    uploads = cloud.plane.stats.inputs_per_container("upload_file")
    assert sum(uploads.values()) == len(
        [path for path in cloud.hub.files(REPO_ID) if path.endswith(".parquet")]
    )
    (kind,) = {container.live.id for container in cloud.plane.stats.containers("upload_file")}
    assert cloud.plane.stats.peak_containers(kind) <= 2
    logged = [str(entry) for entry in cloud.instance.all_logs(run[1].run_id)]
    assert not [line for line in logged if WRITE_TOKEN in line]
    payloads = [payload.data for payload in cloud.plane.stats.payloads()]
    assert not [data for data in payloads if WRITE_TOKEN.encode() in data]


def test_publishing_again_uploads_nothing(run):
    cloud, _ = run
    uploads = len(cloud.plane.stats.inputs("upload_file"))
    commits = len(cloud.hub.repository(REPO_ID).commits)
    again = cloud.materialize("hub_dataset", namespace="cantor", config=LAYOUT)
    assert again.success, failures(again)
    assert (
        again.asset_materializations_for_node("hub_dataset")[0].metadata["hub_changed"].value
        is False
    )
    assert len(cloud.plane.stats.inputs("upload_file")) == uploads
    assert len(cloud.hub.repository(REPO_ID).commits) == commits


def test_a_secret_that_may_not_write_is_refused_before_anything_is_fetched(run):
    cloud, _ = run
    cloud.plane.assets.secrets[SECRET] |= {"HF_TOKEN": TOKEN}
    for container in cloud.plane.stats.containers("ask_hub", alive=True):
        cloud.plane.kill(container)  # it has the secret as it was
    fetched = len(cloud.plane.stats.inputs("fetch_part"))
    told = failures(cloud.materialize(namespace="cantor", config=LAYOUT))
    assert list(told) == ["raw_wikipedia"]
    assert "ada's token (read) may write to nothing" in told["raw_wikipedia"]
    assert "Modal secret" in told["raw_wikipedia"]
    assert len(cloud.plane.stats.inputs("fetch_part")) == fetched
