"""The assets as Dagster runs them: a generated wiki from a local Hub, a tiny model, real files."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from filelock import FileLock

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs import required_checks
from wiki_embeddings.defs.assets import raw_wikipedia
from wiki_embeddings.defs.required_checks import RequiredCheck
from wiki_embeddings.downloads import retries
from wiki_embeddings.manifest import Upstream, read_current, read_manifest
from wiki_embeddings.progress import StageProgress
from wiki_embeddings.sources.hub import REVISION
from wiki_embeddings.sources.protocol import WIKIMEDIA_WIKIPEDIA
from wiki_embeddings.stages import load_check
from wiki_embeddings.stages.shard import Plan
from wiki_embeddings.volume import Volume, current_record
from wiki_embeddings_tests.defs.conftest import ARTICLES
from wiki_embeddings_tests.defs.sandbox import Sandbox, open_sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub.fixtures import use_local_hub
from wiki_embeddings_tests.support.dagster_runs import (
    checks,
    evaluate_checks,
    failed_checks,
    failures,
    metadata,
)
from wiki_embeddings_tests.support.generated_wiki import WIKI, serve, wikipedia


@dataclass(frozen=True)
class WholeRun:
    """A run of all four assets over two files, whose ranges of ids overlap.

    Attributes:
        sandbox: Its sandbox.
        articles: The articles of both files.
        result: Its result.
        snapshots: Its progress.
        crossing: All specs and events that crossed between Dagster and the compute.
    """

    sandbox: Sandbox
    articles: pa.Table
    result: dg.ExecuteInProcessResult
    snapshots: list[StageProgress] = field(default_factory=list)
    crossing: list[object] = field(default_factory=list)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, tiny_model) -> Iterator[WholeRun]:
    snapshots: list[StageProgress] = []
    crossing: list[object] = []
    original = LocalCompute.map

    def recording_map(compute: LocalCompute, plan: Plan[Any]) -> Iterator[Any]:
        crossing.extend(plan.specs)
        for event in original(compute, plan):
            crossing.append(event)
            yield event

    # The second file is not in the order of ids.
    parts = [wikipedia(range(1, 60, 2)), wikipedia([*range(40, 80, 2), *range(0, 40, 2)])]
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        use_local_hub(monkeypatch, tmp_path_factory.mktemp("logged_out")) as hub,
        open_sandbox(tmp_path_factory.mktemp("whole_run"), tiny_model) as sandbox,
    ):
        monkeypatch.setattr(LocalCompute, "map", recording_map)
        serve(hub, *map(parquet, parts))
        result = sandbox.materialize(listener=snapshots.append)
        yield WholeRun(sandbox, pa.concat_tables(parts), result, snapshots, crossing)


def test_a_wiki_from_the_hub_goes_all_the_way(whole_run):
    result = whole_run.result
    assert result.success, failures(result)
    assert len(checks(result)) == 13
    assert failed_checks(result) == ["recall_at_10"], "weights are random; it only warns"
    stages = {snapshot.stage for snapshot in whole_run.snapshots}
    assert stages == {"raw", "chunks", "embeddings", "hub"}

    root = whole_run.sandbox.root
    dataset = root / "hub" / "wikipedia-simple-tiny-bert"
    texts: dict[int, str] = {}
    for row in pads.dataset(dataset / "data").to_table().to_pylist():
        texts[row["id"]] = texts.get(row["id"], "") + row["text"]
    assert texts == {int(row["id"]): row["text"] for row in whole_run.articles.to_pylist()}
    (scratch,) = (root / "volume" / "simple" / "raw").glob("*.scratch")
    assert not list(scratch.iterdir()), "downloads are gone"


@pytest.mark.parametrize("asset", ASSET_KEYS)
def test_dagster_records_data_version_counts_schema_and_first_rows(whole_run, asset):
    recorded = metadata(whole_run.result, asset)
    manifest = read_manifest(Volume(whole_run.sandbox.root / "volume"), recorded["folder"])
    assert manifest is not None
    assert whole_run.sandbox.recorded(asset).data_version == manifest.digest
    assert recorded["dagster/row_count"] == manifest.rows
    assert {"seconds", "size_mib", "files", "made_with", "settings", "path"} <= recorded.keys()
    columns = [column.name for column in recorded["dagster/column_schema"].columns]
    assert {"id", "url", "title", "text"} <= set(columns)
    first_rows = [record.data for record in recorded["first_rows"].records]
    assert len(first_rows) == min(5, manifest.rows)
    assert all(row["title"] and len(row["text"]) <= 80 for row in first_rows)


def test_specs_and_reports_stay_small(whole_run):
    assert len(whole_run.crossing) > 40
    assert max(len(pickle.dumps(thing)) for thing in whole_run.crossing) < 10_000


def test_the_log_shows_the_progress_of_a_stage(whole_run):
    entries = whole_run.sandbox.instance.all_logs(whole_run.result.run_id)
    logged = [entry.user_message for entry in entries]
    assert any("shards in simple/raw/" in line for line in logged)
    assert any("2 of 2 shards" in line and "bytes/s, " in line for line in logged)


def test_materializing_again_without_a_change_gives_the_same_data_version(embedded_sandbox, hub):
    serve(hub, parquet(wikipedia(range(ARTICLES))))
    assert embedded_sandbox.materialize("hub_dataset").success
    before = [embedded_sandbox.recorded(asset) for asset in ASSET_KEYS]
    again = embedded_sandbox.materialize()
    assert again.success, failures(again)
    after = [embedded_sandbox.recorded(asset) for asset in ASSET_KEYS]
    assert [one.data_version for one in after] == [one.data_version for one in before]
    assert [one.folder for one in after] == [one.folder for one in before]
    assert not hub.requests("/resolve/"), "nothing is fetched again"


def test_a_page_in_two_parts_fails_its_check_and_stops_what_follows(sandbox, hub):
    serve(hub, parquet(wikipedia(range(20))), parquet(wikipedia(range(19, 40))))
    result = sandbox.materialize()
    assert not result.success
    assert checks(result)["no_duplicate_page_ids"] is False
    assert checks(result)["every_article_fetched"] is True
    assert sandbox.recorded("raw_wikipedia") is not None
    assert sandbox.recorded("chunked_volume") is None

    # Nor is it used by a later run.
    message = sandbox.failures("chunked_volume")["chunked_volume"]
    assert (
        "raw_wikipedia of simple must not be used. no_duplicate_page_ids: 1 ids are duplicated"
        in message
    )
    assert sandbox.recorded("chunked_volume") is None


def test_an_edition_that_does_not_exist_is_refused_in_a_sentence(sandbox, hub):
    hub.add(WIKIMEDIA_WIKIPEDIA, {"20231101.de/train-00000-of-00001.parquet": b""}, commit=REVISION)
    message = sandbox.failures()["raw_wikipedia"]
    assert "has no simple" in message
    assert "20231101.de" in message


def test_a_corrupt_file_fails_alone_and_the_other_parts_stay(sandbox, hub):
    serve(hub, parquet(wikipedia(range(30))), b"PAR1 this is no Parquet file PAR1")
    message = sandbox.failures("raw_wikipedia")["raw_wikipedia"]
    assert "1 of 2 shards" in message
    assert "part-00001.parquet: 20231101.simple/train-00001-of-00002.parquet" in message
    assert "not a readable Parquet file" in message
    parts = list((sandbox.root / "volume" / "simple" / "raw").glob("*/part-*.parquet"))
    assert [part.name for part in parts] == ["part-00000.parquet"]


def test_without_a_network_the_error_names_the_endpoint(sandbox, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    waits: list[float] = []
    monkeypatch.setattr(
        retries, "time", SimpleNamespace(sleep=waits.append, monotonic=time.monotonic)
    )
    message = sandbox.failures("raw_wikipedia")["raw_wikipedia"]
    assert "127.0.0.1:9" in message
    assert "HF_ENDPOINT" in message
    assert waits == sorted(waits) != []


def test_an_asset_without_its_upstream_says_so(sandbox):
    message = sandbox.failures("embeddings")["embeddings"]
    assert message.startswith(
        "chunked_volume of simple has not been materialized yet in the Dagster instance "
        f"{sandbox.instance.root_directory}: do that first"
    )
    assert "dagster asset materialize --select chunked_volume --partition simple -m" in message


@pytest.mark.parametrize(
    ("damaged", "next_asset", "next_stage"),
    [
        ("raw_wikipedia", "chunked_volume", "chunks"),
        ("chunked_volume", "embeddings", "embeddings"),
        ("embeddings", "hub_dataset", "hub"),
    ],
)
def test_a_file_damaged_later_is_refused_and_made_again(
    embedded_sandbox, hub, damaged, next_asset, next_stage
):
    serve(hub, parquet(wikipedia(range(ARTICLES))))
    output = embedded_sandbox.root / "volume" / "simple" / next_stage
    shutil.rmtree(output, ignore_errors=True)  # finished shards would not be made again
    file = min(embedded_sandbox.folder(damaged).glob("*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(content)

    refused = embedded_sandbox.materialize(next_asset)
    message = failures(refused)[next_asset]
    assert f"{file} differs from its manifest" in message
    assert f"materialize {damaged} again" in message
    assert not refused.asset_materializations_for_node(next_asset)

    again = embedded_sandbox.materialize(damaged, next_asset)
    assert again.success, failures(again)


def test_a_lost_manifest_is_named_in_a_sentence(embedded_sandbox):
    (embedded_sandbox.folder("raw_wikipedia") / "manifest.json").unlink()
    message = embedded_sandbox.failures("chunked_volume")["chunked_volume"]
    assert "is missing: materialize raw_wikipedia again" in message


def test_a_wiki_of_empty_pages_only_is_still_complete(sandbox, hub):
    serve(hub, parquet(wikipedia(range(0, 50, 5))))
    result = sandbox.materialize()
    assert metadata(result, "raw_wikipedia")["empty_articles"] == 10
    assert metadata(result, "hub_dataset")["dagster/row_count"] == 10


def test_a_dataset_that_does_not_pass_never_becomes_visible(embedded_sandbox, monkeypatch):
    broken = CheckResult(passed=False, description="It does not open.", metadata={})
    monkeypatch.setattr(load_check, "opens_with_datasets", lambda *_: broken)
    message = embedded_sandbox.failures("hub_dataset")["hub_dataset"]
    assert "opens_with_datasets: It does not open." in message
    assert not (embedded_sandbox.root / "hub").exists()


def test_embeddings_are_searched_only_once_their_checks_pass(embedded_sandbox, hub, monkeypatch):
    serve(hub, parquet(wikipedia(range(ARTICLES))))
    volume = Volume(embedded_sandbox.root / "volume")
    made = embedded_sandbox.recorded("embeddings")
    assert read_current(volume, WIKI) == Upstream(made.folder, made.data_version)
    volume.path(current_record(WIKI)).unlink()
    broken = CheckResult(passed=False, description="A vector is not of length 1.", metadata={})
    unsound = RequiredCheck("vectors_valid", "", lambda *_: broken)
    with monkeypatch.context() as patch:
        patch.setitem(required_checks.REQUIRED_CHECKS, "embeddings", (unsound,))
        assert embedded_sandbox.materialize("embeddings").asset_materializations_for_node(
            "embeddings"
        )
    assert read_current(volume, WIKI) is None


def test_a_second_run_of_the_same_output_is_refused(embedded_sandbox, hub):
    serve(hub, parquet(wikipedia(range(ARTICLES))))
    with FileLock(f"{embedded_sandbox.folder('raw_wikipedia')}.lock"):
        message = embedded_sandbox.failures("raw_wikipedia")["raw_wikipedia"]
    assert "Another run is making" in message


def test_a_check_started_alone_says_that_it_is_of_one_wiki(embedded_sandbox):
    alone = evaluate_checks(
        embedded_sandbox.instance,
        dg.AssetSelection.checks_for_assets(raw_wikipedia),
        embedded_sandbox.resources(),
    )
    message = failures(alone)["raw_wikipedia_every_article_fetched"]
    assert "materialize raw_wikipedia of a wiki" in message


def test_the_checks_of_one_wiki_are_kept_beside_those_of_another(embedded_sandbox):
    key = dg.AssetCheckKey(dg.AssetKey("raw_wikipedia"), "every_article_fetched")
    records = embedded_sandbox.instance.event_log_storage.get_asset_check_execution_history(
        key, limit=5
    )
    assert {record.partition for record in records} == {WIKI}
