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
from wiki_embeddings_tests.compute.modal.cloud import Cloud, new_cloud
from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN
from wiki_embeddings_tests.support.dagster_runs import checks, failures, metadata
from wiki_embeddings_tests.support.generated_wiki import WIKI

REPO_ID = "cantor/wikipedia-simple-tiny-bert"
ARTICLES = 60
FEW_SHARDS = {"raw_wikipedia": {"articles_per_shard": 20}}
LAYOUT = {"hub_dataset": {"upload_containers": 2}}


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path
) -> Iterator[tuple[Cloud, dg.ExecuteInProcessResult]]:
    """A wiki that was published on the Hub."""
    with new_cloud(tmp_path_factory.mktemp("run"), tiny_model, WRITE_TOKEN) as cloud:
        cloud.serve(articles=ARTICLES)
        yield cloud, cloud.materialize(namespace="cantor", config=FEW_SHARDS | LAYOUT)


def test_the_dataset_is_on_the_hub_and_reads_back(run):
    cloud, result = run
    recorded = metadata(result, "hub_dataset")
    assert checks(result)["reads_back_from_the_hub"]
    assert recorded["hub"] == f"{cloud.hub.url}/datasets/{REPO_ID}"
    assert recorded["hub_tag"] == "20231101"


def test_the_files_on_the_hub_are_those_of_the_volume(run):
    cloud, _ = run
    on_hub = {
        path: file.data
        for path, file in cloud.hub.files(REPO_ID).items()
        if path.endswith(".parquet")
    }
    on_volume = {
        name.split("/", 3)[3]: content
        for name, content in cloud.plane.volumes.files(VOLUME).items()
        if name.startswith(f"{WIKI}/hub/") and name.endswith(".parquet")
    }
    assert on_hub == on_volume
    rows = pa.concat_tables(
        pq.read_table(pa.BufferReader(data))
        for path, data in sorted(on_hub.items())
        if path.startswith("data/")
    )
    assert len(set(rows.column("id").to_pylist())) == ARTICLES


def test_containers_upload_and_dagster_has_no_token(run):
    cloud, result = run
    assert "HF_TOKEN" not in os.environ
    uploads = cloud.plane.stats.inputs_per_container("upload_file")
    assert sum(uploads.values()) == len(
        [path for path in cloud.hub.files(REPO_ID) if path.endswith(".parquet")]
    )
    (kind,) = {container.live.id for container in cloud.plane.stats.containers("upload_file")}
    assert cloud.plane.stats.peak_containers(kind) <= 2
    logged = [str(entry) for entry in cloud.instance.all_logs(result.run_id)]
    assert not [line for line in logged if WRITE_TOKEN in line]
    payloads = [payload.data for payload in cloud.plane.stats.payloads()]
    assert not [data for data in payloads if WRITE_TOKEN.encode() in data]


def test_publishing_again_uploads_nothing(run):
    cloud, _ = run
    uploads = len(cloud.plane.stats.inputs("upload_file"))
    commits = len(cloud.hub.repository(REPO_ID).commits)
    again = cloud.materialize("hub_dataset", namespace="cantor", config=LAYOUT)
    assert metadata(again, "hub_dataset")["hub_changed"] is False
    assert len(cloud.plane.stats.inputs("upload_file")) == uploads
    assert len(cloud.hub.repository(REPO_ID).commits) == commits


def test_a_secret_that_may_not_write_is_refused_before_anything_is_fetched(run):
    cloud, _ = run
    cloud.plane.assets.secrets[SECRET] |= {"HF_TOKEN": TOKEN}
    for container in cloud.plane.stats.containers("call_function", alive=True):
        cloud.plane.kill(container)  # it has the old secret
    fetched = len(cloud.plane.stats.inputs("fetch_part"))
    messages = failures(cloud.materialize(namespace="cantor", config=LAYOUT))
    assert list(messages) == ["raw_wikipedia"]
    assert "ada's token (read) may write to nothing" in messages["raw_wikipedia"]
    assert "Modal secret" in messages["raw_wikipedia"]
    assert len(cloud.plane.stats.inputs("fetch_part")) == fetched
