from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import dagster as dg
import pytest

from wiki_embeddings.asset_keys import HUB_ARTICLES, PUBLISHED_DATASET, WIKIPEDIA_EXPORT
from wiki_embeddings.definitions import defs
from wiki_embeddings.defs.automation import JOB
from wiki_embeddings.defs.config import ChunkedVolumeConfig, RawWikipediaConfig
from wiki_embeddings.defs.wikis import wikis
from wiki_embeddings.stages import versions

ASSETS = ["raw_wikipedia", "chunked_volume", "embeddings", "hub_dataset"]
VERSIONS = dict(
    zip(
        ASSETS,
        (versions.FETCH, versions.CHUNK, versions.EMBED, versions.DATASET),
        strict=True,
    )
)
HEAVY = {
    "torch",
    "onnx",
    "onnxruntime",
    "datasets",
    "matplotlib",
    "modal",
    "pandas",
    "numpy",
    "pyarrow",
    "mwparserfromhell",
    "tokenizers",
    "huggingface_hub",
    "rich",
    "sqlalchemy",
}


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


def test_loading_the_definitions_imports_nothing_heavy_and_warns_of_nothing():
    program = (
        "import sys, wiki_embeddings.definitions; "
        f"print(sorted({HEAVY!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert loaded.stderr == ""
    assert loaded.stdout == "[]\n"


def test_the_definitions_are_valid():
    dg.Definitions.validate_loadable(defs)


def test_the_four_assets_are_in_a_line_from_the_export_to_what_is_published(graph):
    line = [WIKIPEDIA_EXPORT, *ASSETS, PUBLISHED_DATASET]
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert keys == {*line, HUB_ARTICLES}
    for before, after in pairwise(line):
        parents = {key.to_user_string() for key in graph.get(dg.AssetKey(after)).parent_keys}
        assert parents - {HUB_ARTICLES} == {before}
    assert dg.AssetKey(HUB_ARTICLES) in graph.get(dg.AssetKey("raw_wikipedia")).parent_keys


@pytest.mark.parametrize("name", [HUB_ARTICLES, PUBLISHED_DATASET])
def test_what_others_make_or_have_is_described_and_cannot_be_materialized(graph, name):
    node = graph.get(dg.AssetKey(name))
    assert node.is_external
    assert node.description
    assert node.kinds == {"huggingface", "parquet"}
    assert node.group_name == "wikipedia"


def test_the_export_is_only_looked_at(graph):
    node = graph.get(dg.AssetKey(WIKIPEDIA_EXPORT))
    assert node.is_observable
    assert not node.is_materializable
    assert node.description
    assert node.kinds == {"wikipedia", "xml"}
    assert node.group_name == "wikipedia"
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="wikis")


@pytest.mark.parametrize("name", ASSETS)
def test_each_asset_says_what_it_is(graph, name):
    node = graph.get(dg.AssetKey(name))
    assert node.description
    assert node.kinds
    assert node.owners == ["team:wiki-embeddings"]
    assert node.group_name == "wikipedia"
    assert node.code_version == VERSIONS[name]
    assert node.partitions_def == dg.DynamicPartitionsDefinition(name="wikis")


def test_every_check_of_the_data_is_blocking_and_each_described(graph):
    checks = {key.name: graph.get(key) for key in graph.asset_check_keys}
    assert set(checks) == {
        "every_article_fetched",
        "no_duplicate_page_ids",
        "articles_complete",
        "every_article_chunked",
        "no_duplicate_chunk_ids",
        "chunks_fit_token_budget",
        "every_chunk_embedded",
        "vectors_valid",
        "every_row_published",
        "opens_with_datasets",
        "index_finds_nearest",
        "snapshot_is_recent",
        "recall_at_10",
        "agrees_with_float32",
    }
    quality = {"recall_at_10", "agrees_with_float32", "index_finds_nearest"}
    warn_only = {"snapshot_is_recent", *quality}
    for name, check in checks.items():
        assert check.blocking == (name not in warn_only)
        assert (check.partitions_def == wikis) == (name != "snapshot_is_recent")
        assert check.description


def test_the_job_covers_all_assets_and_their_checks():
    job = defs.resolve_job_def(JOB)
    selected = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert selected == set(ASSETS)
    assert len(job.asset_layer.asset_graph.asset_check_keys) == 13


def test_the_sensor_that_starts_runs_is_off_and_says_what_it_does():
    sensor = defs.resolve_sensor_def("new_exports")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert sensor.minimum_interval_seconds == 600
    assert "Watches Wikimedia's exports" in (sensor.description or "")
    other = defs.resolve_sensor_def("first_wikis")
    assert other.default_status == dg.DefaultSensorStatus.RUNNING
    assert "It starts no run." in (other.description or "")


@pytest.mark.parametrize(
    ("name", "cron"), [("monthly_refresh", "0 3 20 * *"), ("daily_age_check", "0 6 * * *")]
)
def test_each_schedule_is_off_and_says_when_it_does_what(name, cron):
    schedule = defs.resolve_schedule_def(name)
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.cron_schedule == cron
    assert schedule.execution_timezone == "UTC"
    assert "at 0" in (schedule.description or "")


def test_config_fields_are_documented_and_validated():
    for config in (RawWikipediaConfig, ChunkedVolumeConfig):
        assert all(field.description for field in config.model_fields.values())
    for wrong in ({"fraction": 0.0}, {"fraction": 1.5}, {"snapshot": "yesterday"}):
        with pytest.raises(dg.Failure, match="The config of raw_wikipedia cannot work"):
            RawWikipediaConfig(**wrong)
    with pytest.raises(dg.Failure, match="token_budget is 0: Input should be greater than"):
        ChunkedVolumeConfig(token_budget=0)


def test_defaults_depend_on_the_wiki():
    assert RawWikipediaConfig().shard_articles("sample") == 8
    assert RawWikipediaConfig().shard_articles("en") == 4096
    assert RawWikipediaConfig(articles_per_shard=500).shard_articles("en") == 500
    assert ChunkedVolumeConfig().model_for("sample").endswith("all-MiniLM-L6-v2")
    assert ChunkedVolumeConfig().model_for("simple") == "BAAI/bge-small-en-v1.5"
    assert ChunkedVolumeConfig(model="mine").model_for("en") == "mine"
