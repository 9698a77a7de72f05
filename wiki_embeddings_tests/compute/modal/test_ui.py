"""Runs on Modal that are started and terminated in Dagster, as the UI does it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import pytest

from wiki_embeddings_tests.compute.modal.cloud import CONFIG, Cloud, new_cloud
from wiki_embeddings_tests.support.dagster_runs import failures
from wiki_embeddings_tests.support.generated_wiki import WIKI
from wiki_embeddings_tests.support.served_ui import graphql, served_ui

_LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess {run {runId}}
    ... on RunConfigValidationInvalid {errors {message}}
    ... on PythonError {message}
  }
}"""
_TERMINATE = """
mutation ($runId: String!) {terminateRun(runId: $runId) {__typename}}"""
_STATUS = """
query ($runId: ID!) {runOrError(runId: $runId) {... on Run {status}}}"""

ENDED = {"FAILURE", "SUCCESS", "CANCELED"}


@pytest.fixture
def served(tmp_path, tiny_model) -> Iterator[tuple[Cloud, str]]:
    """A cloud with the chunks of a wiki, and the address of a UI whose runs are on Modal."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "cloud").mkdir()
    with new_cloud(tmp_path / "cloud", tiny_model) as cloud:
        cloud.serve(articles=100, files=2)
        settings = {
            "WIKI_EMBEDDINGS_COMPUTE": "modal",
            "WIKI_EMBEDDINGS_WIKIS": WIKI,
            "HF_ENDPOINT": cloud.hub.url,
            **cloud.plane.environment(),
        }
        with served_ui(home, **settings) as ui:
            with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
                chunked = cloud.materialize("raw_wikipedia", "chunked_volume", instance=instance)
            assert chunked.success, failures(chunked)
            yield cloud, ui


def launch(ui: str, *assets: str) -> str:
    """Start the job for some assets of the wiki, without their checks; gives the run's id."""
    ops = {asset: {"config": dict(CONFIG[asset])} for asset in assets}
    answer = graphql(
        ui,
        _LAUNCH,
        {
            "params": {
                "selector": {
                    "repositoryName": "__repository__",
                    "repositoryLocationName": "wiki_embeddings",
                    "pipelineName": "wikipedia_embeddings",
                    "assetSelection": [{"path": [asset]} for asset in assets],
                    "assetCheckSelection": [],
                },
                "runConfigData": {"ops": ops},
                "executionMetadata": {"tags": [{"key": "dagster/partition", "value": WIKI}]},
                "mode": "default",
            }
        },
    )["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run_id: str = answer["run"]["runId"]
    return run_id


def run_status(ui: str, run_id: str) -> str:
    status: str = graphql(ui, _STATUS, {"runId": run_id})["runOrError"]["status"]
    return status


def wait_for_status(ui: str, run_id: str, wanted: str, within_s: float = 150) -> None:
    deadline = time.monotonic() + within_s
    while (status := run_status(ui, run_id)) != wanted:
        assert status not in ENDED, status
        assert time.monotonic() < deadline, status
        time.sleep(0.3)


def test_terminating_a_run_in_dagster_leaves_nothing_running_and_the_next_run_goes_on(served):
    cloud, ui = served
    first = launch(ui, "embeddings")
    embedder = "Embedder.*"
    # The first input asks the encoder what it is; the others are shards.
    cloud.plane.wait_until(
        lambda: len(cloud.plane.stats.inputs(embedder)) > 3 or run_status(ui, first) in ENDED, 150
    )
    graphql(ui, _TERMINATE, {"runId": first})
    wait_for_status(ui, first, "CANCELED")
    cloud.plane.wait_until(lambda: not cloud.plane.stats.calls_in_progress(), 30)
    assert not cloud.plane.stats.running_inputs(embedder)

    second = launch(ui, "embeddings")
    wait_for_status(ui, second, "SUCCESS")
    expected = cloud.locally(assets=("raw_wikipedia", "chunked_volume", "embeddings"))
    assert cloud.committed() == expected
