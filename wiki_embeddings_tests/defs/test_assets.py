"""The assets as Dagster runs them: a generated wiki from a local Hub, a tiny model, real files."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from filelock import FileLock

from wiki_embeddings.checks import CheckResult
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.defs.asset_checks import asset_checks
from wiki_embeddings.defs.assets import chunked_volume, embeddings, hub_dataset, raw_wikipedia
from wiki_embeddings.defs.materializations import last_materialization
from wiki_embeddings.defs.resources import ComputeResource, HubResource
from wiki_embeddings.manifest import read_manifest
from wiki_embeddings.progress import StageProgress
from wiki_embeddings.sources.hub import REPO_ID, REVISION
from wiki_embeddings.stages import load_test
from wiki_embeddings.stages.shard import Plan
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import LocalHub

ASSETS = ["raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset"]


def wikipedia(ids: Sequence[int]) -> pa.Table:
    """Articles of a few paragraphs each, as `wikimedia/wikipedia` has them."""
    sentence = "The river {} flows past {} bridges into the sea. "
    columns = {
        "id": [str(i) for i in ids],
        "url": [f"https://simple.wikipedia.org/wiki/River%20{i}" for i in ids],
        "title": [f"River {i}" for i in ids],
        "text": ["\n\n".join([sentence.format(i, n) * 9 for n in range(i % 5)]) for i in ids],
    }
    return pa.table(columns, pa.schema([(name, pa.string()) for name in columns]))


def serve(hub: LocalHub, *parts: bytes) -> None:
    files = {
        f"20231101.simple/train-{n:05d}-of-{len(parts):05d}.parquet": part
        for n, part in enumerate(parts)
    }
    hub.add(REPO_ID, files, commit=REVISION)


@dataclass(frozen=True)
class Place:
    """A volume, a Dagster instance, and a way to materialize there."""

    root: Path
    instance: dg.DagsterInstance
    model: Path

    def materialize(
        self,
        *assets: str,
        listener: Callable[[StageProgress], None] = lambda _: None,
        namespace: str | None = None,
        **hub_config: Any,
    ) -> dg.ExecuteInProcessResult:
        """Materialize some assets with their checks; all of them if none is named."""
        chosen = assets or ASSETS
        config: dict[str, dict[str, Any]] = {
            "raw_wikipedia": {"shard_mib": 0.005},
            "chunked_volume": {"model": str(self.model), "token_budget": 128},
            "hub_dataset": hub_config,
        }
        return dg.materialize(
            [raw_wikipedia, chunked_volume, embeddings, hub_dataset, *asset_checks],
            selection=dg.AssetSelection.assets(*chosen),
            instance=self.instance,
            partition_key="simple",
            run_config={"ops": {a: {"config": config[a]} for a in chosen if a in config}},
            resources={
                "compute": ComputeResource(volume=str(self.root / "volume")),
                "hub": HubResource(folder=str(self.root / "hub"), namespace=namespace),
                "listener": listener,
            },
            raise_on_error=False,
        )

    def folder(self, asset: str) -> Path:
        recorded = last_materialization(self.instance, asset, "simple")
        assert recorded is not None
        return self.root / "volume" / recorded.folder


@pytest.fixture
def place(tmp_path: Path, tiny_model: Path) -> Iterator[Place]:
    quiet = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=quiet) as instance:
        yield Place(tmp_path, instance, tiny_model)


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """What each failed step tells a person."""
    return {
        str(event.step_key): event.step_failure_data.user_failure_data.description or ""
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data
    }


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def test_a_wiki_from_the_hub_goes_all_the_way(place, hub):
    # Two files whose ranges of ids overlap, the second of them out of order.
    first, second = range(1, 60, 2), [*range(40, 80, 2), *range(0, 40, 2)]
    serve(hub, parquet(wikipedia(first)), parquet(wikipedia(second)))
    heard: list[StageProgress] = []
    result = place.materialize(listener=heard.append)
    assert result.success, failures(result)
    assert checks(result) == dict.fromkeys(checks(result), True)
    assert len(checks(result)) == 10
    assert {snapshot.stage for snapshot in heard} == {"raw", "chunks", "embeddings", "hub"}

    published = pads.dataset(place.root / "hub" / "wikipedia-simple-tiny-bert" / "data").to_table()
    texts: dict[int, str] = {}
    for row in published.to_pylist():
        texts[row["id"]] = texts.get(row["id"], "") + row["text"]
    assert texts == {
        int(row["id"]): row["text"] for row in wikipedia([*first, *second]).to_pylist()
    }
    (scratch,) = (place.root / "volume" / "simple" / "raw").glob("*.scratch")
    assert not list(scratch.iterdir()), "downloads are gone"


def test_the_record_holds_data_versions_counts_schema_and_a_look_at_rows(place, hub):
    serve(hub, parquet(wikipedia(range(30))))
    result = place.materialize()
    assert result.success, failures(result)
    compute = LocalCompute(place.root / "volume", cores=1)
    for asset in ASSETS:
        (made,) = result.asset_materializations_for_node(asset)
        manifest = read_manifest(compute.files, str(made.metadata["folder"].value))
        assert manifest is not None
        assert (made.tags or {})["dagster/data_version"] == manifest.digest
        assert made.metadata["dagster/row_count"].value == manifest.rows
        assert {"seconds", "size_mib", "files", "reused", "settings", "path"} <= set(made.metadata)
        columns = [column.name for column in made.metadata["dagster/column_schema"].value.columns]
        assert {"id", "url", "title", "text"} <= set(columns)
        assert len(made.metadata["first_rows"].records) == 5
    assert [
        m.metadata["reused"].value for m in result.asset_materializations_for_node("embeddings")
    ]


def test_materializing_again_without_a_change_gives_the_same_data_version(place, hub):
    serve(hub, parquet(wikipedia(range(30))))
    assert place.materialize().success
    before = {asset: last_materialization(place.instance, asset, "simple") for asset in ASSETS}
    hub.served.clear()
    again = place.materialize()
    assert again.success
    assert {
        asset: last_materialization(place.instance, asset, "simple") for asset in ASSETS
    } == before
    assert not hub.requests("/resolve/"), "nothing is fetched twice"


def test_a_page_in_two_parts_fails_its_check_and_stops_what_follows(place, hub):
    serve(hub, parquet(wikipedia(range(20))), parquet(wikipedia(range(19, 40))))
    result = place.materialize()
    assert not result.success
    assert checks(result)["article_ids_unique"] is False
    assert checks(result)["every_article_fetched"] is True
    assert last_materialization(place.instance, "chunked_volume", "simple") is None


def test_an_edition_that_does_not_exist_is_told_in_a_sentence(place, hub):
    hub.add(REPO_ID, {"20231101.de/train-00000-of-00001.parquet": b""}, commit=REVISION)
    told = failures(place.materialize())
    assert "has no 20231101.simple" in told["raw_wikipedia"]
    assert "20231101.de" in told["raw_wikipedia"]


def test_a_corrupt_file_fails_alone_and_what_was_fetched_stays(place, hub):
    good = parquet(wikipedia(range(30)))
    serve(hub, good, b"PAR1 this is no Parquet file PAR1")
    told = failures(place.materialize("raw_wikipedia"))["raw_wikipedia"]
    assert "1 of 2 shards" in told
    assert "part-00001.parquet: 20231101.simple/train-00001-of-00002.parquet" in told
    assert "not a readable Parquet file" in told
    parts = list((place.root / "volume" / "simple" / "raw").glob("*/part-*.parquet"))
    assert [part.name for part in parts] == ["part-00000.parquet"]


def test_without_a_network_the_sentence_says_what_to_look_at(place, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    told = failures(place.materialize("raw_wikipedia"))["raw_wikipedia"]
    assert "127.0.0.1:9" in told
    assert "HF_ENDPOINT" in told


def test_an_asset_whose_upstream_was_never_made_says_so(place):
    told = failures(place.materialize("embeddings"))
    assert told["embeddings"] == (
        "chunked_volume of simple has not been materialized yet: do that first."
    )


@pytest.mark.parametrize(
    ("damaged", "next_asset"),
    [
        ("raw_wikipedia", "chunked_volume"),
        ("chunked_volume", "embeddings"),
        ("embeddings", "hub_dataset"),
    ],
)
def test_a_file_that_was_damaged_later_is_refused_and_mended(place, hub, damaged, next_asset):
    serve(hub, parquet(wikipedia(range(30))))
    made = ASSETS[: ASSETS.index(damaged) + 1]
    assert place.materialize(*made).success
    victim = min(place.folder(damaged).glob("*.parquet"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 3] ^= 0xFF
    victim.write_bytes(content)

    told = failures(place.materialize(next_asset))[next_asset]
    assert f"{victim} differs from its manifest" in told
    assert f"materialize {damaged} again" in told
    assert last_materialization(place.instance, next_asset, "simple") is None

    assert place.materialize(damaged, next_asset).success


def test_a_lost_manifest_is_told_in_a_sentence(place, hub):
    serve(hub, parquet(wikipedia(range(10))))
    assert place.materialize("raw_wikipedia").success
    (place.folder("raw_wikipedia") / "manifest.json").unlink()
    told = failures(place.materialize("chunked_volume"))["chunked_volume"]
    assert "is missing: materialize raw_wikipedia again" in told


def test_a_wiki_of_empty_pages_only_is_still_complete(place, hub):
    serve(hub, parquet(wikipedia(range(0, 50, 5))))
    result = place.materialize()
    assert result.success, failures(result)
    (made,) = result.asset_materializations_for_node("raw_wikipedia")
    assert made.metadata["empty_articles"].value == 10
    (published,) = result.asset_materializations_for_node("hub_dataset")
    assert published.metadata["dagster/row_count"].value == 10


def test_what_did_not_pass_its_checks_is_not_used_later_either(place, hub):
    serve(hub, parquet(wikipedia(range(20))), parquet(wikipedia(range(19, 40))))
    assert not place.materialize("raw_wikipedia").success
    assert last_materialization(place.instance, "raw_wikipedia", "simple") is not None
    told = failures(place.materialize("chunked_volume"))["chunked_volume"]
    assert (
        "raw_wikipedia of simple must not be used. article_ids_unique: 1 ids are duplicated" in told
    )
    assert last_materialization(place.instance, "chunked_volume", "simple") is None


def test_a_dataset_that_does_not_pass_never_becomes_visible(place, hub, monkeypatch):
    serve(hub, parquet(wikipedia(range(10))))
    assert place.materialize(*ASSETS[:3]).success
    broken = CheckResult(passed=False, description="It does not open.", metadata={})
    monkeypatch.setattr(load_test, "opens_with_datasets", lambda *_: broken)
    told = failures(place.materialize("hub_dataset"))["hub_dataset"]
    assert "opens_with_datasets: It does not open." in told
    assert not (place.root / "hub").exists()


def test_specs_and_reports_are_small_whatever_they_stand_for(place, hub):
    serve(hub, *(parquet(wikipedia(range(n * 100, n * 100 + 9))) for n in range(12)))
    crossing: list[object] = []
    original = LocalCompute.map

    def spied(compute: LocalCompute, plan: Plan[Any]) -> Iterator[Any]:
        crossing.extend(plan.specs)
        for event in original(compute, plan):
            crossing.append(event)
            yield event

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalCompute, "map", spied)
        assert place.materialize().success
    assert len(crossing) > 40
    assert max(len(pickle.dumps(thing)) for thing in crossing) < 10_000


def test_a_second_run_of_the_same_output_is_kept_away(place, hub):
    serve(hub, parquet(wikipedia(range(10))))
    assert place.materialize("raw_wikipedia").success
    with FileLock(f"{place.folder('raw_wikipedia')}.lock"):
        told = failures(place.materialize("raw_wikipedia"))["raw_wikipedia"]
    assert "Another run is making" in told


def test_checks_started_alone_check_every_wiki_that_was_materialized(place, hub):
    serve(hub, parquet(wikipedia(range(10))))
    assert place.materialize("raw_wikipedia").success
    alone = dg.materialize(
        [raw_wikipedia, *asset_checks],
        selection=dg.AssetSelection.checks_for_assets(raw_wikipedia),
        instance=place.instance,
        resources={
            "compute": ComputeResource(volume=str(place.root / "volume")),
            "hub": HubResource(folder=str(place.root / "hub")),
            "listener": lambda _: None,
        },
    )
    told = {check.check_name: check.description for check in alone.get_asset_check_evaluations()}
    assert told["every_article_fetched"] == "simple: No articles are missing."


def test_the_log_tells_how_far_a_stage_has_come(place, hub):
    serve(hub, parquet(wikipedia(range(10))))
    result = place.materialize("raw_wikipedia")
    logged = [entry.user_message for entry in place.instance.all_logs(result.run_id)]
    assert any("shards in simple/raw/" in line for line in logged)
    assert any("1 of 1 shards" in line and "bytes/s, " in line for line in logged)
