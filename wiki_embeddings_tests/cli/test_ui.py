"""The Dagster UI as a person sees it: the real webserver and daemon, in a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Page, expect, sync_playwright

from wiki_embeddings.asset_keys import (
    ASSET_KEYS,
    HUB_ARTICLES,
    PUBLISHED_DATASET,
    WIKIPEDIA_EXPORT,
)
from wiki_embeddings.defs.config import CONFIGS
from wiki_embeddings_tests.support.homes import SMALL, cli, environment
from wiki_embeddings_tests.support.served_ui import graphql, served_ui

BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def browser_path() -> str | None:
    """The browser in WIKI_EMBEDDINGS_BROWSER, else an installed one."""
    named = os.environ.get("WIKI_EMBEDDINGS_BROWSER")
    return named or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_model) -> Path:
    """A home in which a small part of the sample has been materialized."""
    home: Path = tmp_path_factory.mktemp("ui")
    ran = cli(home, "run", "--wiki", "sample", "--model", str(tiny_model), *SMALL)
    assert ran.returncode == 0, ran.stderr
    return home


@pytest.fixture(scope="module")
def ui(home) -> Iterator[str]:
    """Address of a UI on that home."""
    with served_ui(home) as address:
        yield address


@pytest.fixture(name="page", scope="module")
def page_fixture() -> Iterator[Page]:
    executable = browser_path()
    if executable is None:
        # A browser is not on the package index, and `make test` asks for nothing else. `.ci/run`
        # installs one and names it, so there these tests always run.
        pytest.skip("no Chromium is installed; name one in WIKI_EMBEDDINGS_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=BROWSER_FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        browser.close()


def stale_statuses(ui: str) -> dict[str, str]:
    query = '{assetNodes {assetKey {path} staleStatus(partition: "sample")}}'
    nodes = graphql(ui, query)["assetNodes"]
    return {node["assetKey"]["path"][0]: node["staleStatus"] for node in nodes}


def successes(ui: str) -> list[str]:
    """Names of the jobs whose runs have succeeded."""
    query = "{runsOrError {... on Runs {results {jobName status}}}}"
    runs = graphql(ui, query)["runsOrError"]["results"]
    return [run["jobName"] for run in runs if run["status"] == "SUCCESS"]


def test_runs_of_the_command_line_are_listed(ui):
    assert successes(ui) == ["wikipedia_embeddings"]
    assert set(stale_statuses(ui).values()) == {"FRESH"}


def test_the_terminal_says_where_the_ui_is_and_nothing_else(home, ui):
    log = home / "dagster" / "ui.log"
    assert (home / "ui.log").read_text() == (
        f"The UI is at {ui}/asset-groups (Ctrl-C ends it; its log is {log}).\n"
    )
    assert "Serving dagster-webserver" in log.read_text()


def test_the_home_page_and_the_jobs_page_show_runs_of_the_command_line(ui, page):
    page.goto(ui)
    expect(page.get_by_role("link", name="wikipedia_embeddings")).to_be_visible()
    page.goto(f"{ui}/locations/wiki_embeddings/jobs/wikipedia_embeddings/runs")
    expect(page.get_by_text("partition: sample").first).to_be_visible()
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()


def test_the_lineage_shows_all_assets_from_the_sources_to_what_is_published(ui, page):
    page.goto(f"{ui}/asset-groups")
    for asset in (WIKIPEDIA_EXPORT, HUB_ARTICLES, *ASSET_KEYS, PUBLISHED_DATASET):
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()


def test_what_is_published_has_a_page_that_says_where(home, ui):
    query = """{assetOrError(assetKey: {path: ["published_dataset"]}) {... on Asset {
        assetMaterializations(limit: 1) {partition metadataEntries {
            label ... on PathMetadataEntry {path}}}}}}"""
    (published,) = graphql(ui, query)["assetOrError"]["assetMaterializations"]
    assert published["partition"] == "sample"
    paths = {entry["label"]: entry.get("path") for entry in published["metadataEntries"]}
    assert paths["dataset"] == str(home / "hub" / "wikipedia-sample-tiny-bert-dry-run")


def test_after_a_run_of_the_sample_nothing_is_missing(ui):
    query = """{assetNodes {assetKey {path} partitionKeys partitionStats {
        numPartitions numMaterialized numFailed}}}"""
    nodes = {node["assetKey"]["path"][0]: node for node in graphql(ui, query)["assetNodes"]}
    for asset in ASSET_KEYS:
        assert nodes[asset]["partitionKeys"] == ["sample"]
        stats = nodes[asset]["partitionStats"]
        assert stats == {"numPartitions": 1, "numMaterialized": 1, "numFailed": 0}


def test_a_change_upstream_shows_as_stale_and_only_then(home, ui, page):
    # With the default model, so the chunks differ from those of the run before.
    dagster = [sys.executable, "-m", "dagster", "asset", "materialize", "--partition", "sample"]
    made = subprocess.run(
        [*dagster, "--select", "chunked_volume", "-m", "wiki_embeddings.definitions"],
        env=environment(home, DAGSTER_HOME=str(home / "dagster")),
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    statuses = stale_statuses(ui)
    assert statuses.pop("embeddings") == "STALE"
    assert set(statuses.values()) == {"FRESH"}
    page.goto(f"{ui}/assets/embeddings?view=partitions&partition=sample")
    expect(page.get_by_text("Unsynced").first).to_be_visible()


def test_an_asset_is_materialized_by_clicking(ui, page):
    before = len(successes(ui))
    page.goto(f"{ui}/assets/chunked_volume")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_text("Select a partition").click()
    page.get_by_role("menuitem").filter(has_text="sample").click()
    page.keyboard.press("Escape")
    # Leaving the page before the answer would launch nothing.
    with page.expect_response(lambda answer: "mutation Launch" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Launch 1 run").click()
    page.goto(f"{ui}/runs")
    expect(page.get_by_text("Success", exact=True)).to_have_count(before + 1, timeout=120_000)
    assert len(successes(ui)) == before + 1


def test_an_asset_shows_its_numbers_rows_and_checks(ui, page):
    page.goto(f"{ui}/assets/chunked_volume?view=partitions&partition=sample")
    for label in ("articles", "characters", "tokens", "first_rows", "made_with", "chunk_lengths"):
        expect(page.get_by_text(label, exact=True).first).to_be_visible()
    page.goto(f"{ui}/assets/chunked_volume?view=checks")
    for check in ("every_article_chunked", "no_duplicate_chunk_ids", "chunks_fit_token_budget"):
        expect(page.get_by_text(check, exact=True).first).to_be_visible()
    expect(page.get_by_text("sample", exact=True).first).to_be_visible()


def test_the_launchpad_shows_every_default_and_nothing_internal(home, ui):
    query = """{runConfigSchemaOrError(selector: {pipelineName: "wikipedia_embeddings",
        repositoryName: "__repository__", repositoryLocationName: "wiki_embeddings"}) {
        ... on RunConfigSchema {rootDefaultYaml}}}"""
    text = graphql(ui, query)["runConfigSchemaOrError"]["rootDefaultYaml"]
    assert str(home) not in text
    config = yaml.safe_load(text)
    assert config["resources"] == {"compute": {"config": {"kind": "local"}}}
    assert set(config["ops"]) == set(ASSET_KEYS)
    for asset, shown in config["ops"].items():
        assert set(shown["config"]) == set(CONFIGS[asset].model_fields)
    assert config["ops"]["chunked_volume"]["config"]["model"] == "auto"
    assert config["ops"]["raw_wikipedia"]["config"]["snapshot"] == "newest"


@pytest.mark.parametrize(
    ("asset", "pictures"),
    [
        ("chunked_volume", ["Lengths of chunks"]),
        (
            "embeddings",
            ["A map of the embeddings", "Tokens per second over time", "Where the time went"],
        ),
    ],
)
def test_an_asset_shows_its_pictures_without_a_click(ui, page, asset, pictures):
    page.goto(f"{ui}/assets/{asset}")
    for alternative in pictures:
        picture = page.locator(f"img[alt='{alternative}']")
        expect(picture).to_be_visible()
        assert picture.evaluate("async image => (await image.decode(), image.naturalWidth)") == 420
        shown = page.request.get(f"{ui}{picture.get_attribute('src')}")
        assert shown.headers["content-type"] == "image/svg+xml"
        assert "prefers-color-scheme:dark" in shown.text()
        assert len(shown.body()) < 100_000
    expect(page.get_by_text("[Show Markdown]")).to_have_count(0)


def test_the_launchpad_documents_the_config(ui):
    query = """{assetNodes {assetKey {path} configField {configType {
        ... on CompositeConfigType {fields {name description}}}}}}"""
    fields = {
        node["assetKey"]["path"][0]: {
            field["name"]: field["description"]
            for field in node["configField"]["configType"]["fields"]
        }
        for node in graphql(ui, query)["assetNodes"]
        if node["configField"]  # what is not made here has none
    }
    modal_fields = {"containers", "deadline_minutes", "queue_minutes", "max_dollars"}
    assert (
        set(fields["raw_wikipedia"])
        == {"source", "snapshot", "hub_dataset", "hub_revision"}
        | {"fraction", "articles_per_shard", "max_missing_share", "required_titles"}
        | modal_fields
    )
    assert {"model", "token_budget", "title_prefix"} | modal_fields <= set(fields["chunked_volume"])
    assert (
        set(fields["embeddings"])
        == {"engine", "precision", "gpu", "inputs_per_container"} | modal_fields
    )
    assert all(text for described in fields.values() for text in described.values())


def test_each_schedule_and_the_sensor_are_listed_off_and_described(ui, page):
    page.goto(f"{ui}/automation")
    for name in ("monthly_refresh", "daily_age_check", "new_exports"):
        expect(page.get_by_text(name, exact=True)).to_be_visible()
    selector = """(repositorySelector: {repositoryName: "__repository__",
        repositoryLocationName: "wiki_embeddings"})"""
    query = f"""{{schedulesOrError{selector} {{... on Schedules {{results {{
        name description scheduleState {{status}}}}}}}}}}"""
    schedules = graphql(ui, query)["schedulesOrError"]["results"]
    assert {schedule["name"] for schedule in schedules} == {"monthly_refresh", "daily_age_check"}
    assert {schedule["scheduleState"]["status"] for schedule in schedules} == {"STOPPED"}
    assert all("UTC" in schedule["description"] for schedule in schedules)
    query = f"""{{sensorsOrError{selector} {{... on Sensors {{results {{
        name description sensorState {{status}}}}}}}}}}"""
    sensors = {sensor["name"]: sensor for sensor in graphql(ui, query)["sensorsOrError"]["results"]}
    assert sensors["new_exports"]["sensorState"]["status"] == "STOPPED"
    assert "at most 3 times" in sensors["new_exports"]["description"]
