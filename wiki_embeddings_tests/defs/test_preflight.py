"""Config that cannot work is refused in a sentence by the first asset of a run, as from the UI."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from typing import Any

import dagster as dg
import pytest

from wiki_embeddings.defs.config import EmbeddingsConfig
from wiki_embeddings.defs.preflight import options_asked
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.support.dagster_runs import failures, materialize
from wiki_embeddings_tests.support.generated_wiki import WIKI, serve, wikipedia
from wiki_embeddings_tests.support.homes import cli, environment

MULTILINGUAL = "intfloat/multilingual-e5-small"
ENGLISH = "BAAI/bge-small-en-v1.5"


@pytest.mark.parametrize(
    ("faulty", "sentence"),
    [
        ({"raw_wikipedia": {"fraction": 0.0}}, "fraction is 0.0: Input should be greater than 0"),
        ({"raw_wikipedia": {"snapshot": "May"}}, "snapshot is 'May': String should match pattern"),
        ({"chunked_volume": {"token_budget": 5}}, "token_budget is 5: Input should be greater"),
        (
            {"chunked_volume": {"token_budget": {"env": "BUDGET"}}},
            "token_budget is 7: Input should",
        ),
        ({"chunked_volume": {"token_budget": 5000}}, "reads at most 256"),
        ({"chunked_volume": {"token_budget": 128, "model": "/no/such/model"}}, "/no/such/model"),
        (
            {"embeddings": {"inputs_per_container": 17}},
            "inputs_per_container is 17: Input should be less than or equal to 16",
        ),
        (
            {"embeddings": {"engine": "cpu", "precision": "float16"}},
            "in float32 or bfloat16 or int8, not in",
        ),
        (
            {"hub_dataset": {"shards_per_file": 0}},
            "shards_per_file is 0: Input should be greater than",
        ),
    ],
)
def test_what_cannot_work_fails_the_first_asset_in_a_sentence(
    sandbox, hub, monkeypatch, faulty, sentence
):
    monkeypatch.setenv("BUDGET", "7")
    serve(hub, parquet(wikipedia(range(10))))
    configs: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "hub"},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": 128},
    }
    for asset, config in faulty.items():
        configs[asset] = configs.get(asset, {}) | config
    run = materialize(sandbox.instance, WIKI, (), configs, sandbox.resources())
    (step,) = failures(run)
    assert step == "raw_wikipedia"
    assert sentence in failures(run)[step]
    assert "Traceback" not in failures(run)[step]
    assert not hub.requests("/resolve/"), "no article was fetched"


def test_a_run_without_the_first_assets_is_checked_too(embedded_sandbox):
    configs = {"hub_dataset": {"shards_per_file": 0}}
    chosen = ("embeddings", "hub_dataset")
    run = materialize(
        embedded_sandbox.instance, WIKI, chosen, configs, embedded_sandbox.resources()
    )
    assert failures(run) == {
        "embeddings": "The config of hub_dataset cannot work: shards_per_file is 0: Input should "
        "be greater than or equal to 1."
    }


@pytest.mark.parametrize(("wiki", "model"), [("de", MULTILINGUAL), ("simple", ENGLISH)])
def test_a_run_asks_for_the_default_model_of_its_language(hub, tmp_path, wiki, model):
    run = cli(
        tmp_path, "run", "--wiki", wiki, HF_ENDPOINT=hub.url, WIKI_EMBEDDINGS_WIKIS="simple,de"
    )
    assert run.returncode == 1
    assert model in run.stderr, "the Hub of the test does not have it"
    asked = hub.requests("/api/models/")
    assert asked
    assert all(f"/api/models/{model}/" in request.path for request in asked)


def test_an_english_model_is_refused_for_another_language_unless_insisted_on(hub, tmp_path):
    arguments = ("run", "--wiki", "de", "--model", ENGLISH)
    settings = {"HF_ENDPOINT": hub.url, "WIKI_EMBEDDINGS_WIKIS": "de"}
    refused = cli(tmp_path, *arguments, **settings)
    assert refused.returncode == 1
    assert f"Error: {ENGLISH} reads English only, but the articles of de are" in refused.stderr
    assert not hub.requests("/")
    assert not (tmp_path / "volume").exists()
    insisted = cli(tmp_path, *arguments, "--allow-english-model", **settings)
    assert "reads English only" not in insisted.stderr
    assert hub.requests(f"/api/models/{ENGLISH}")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({}, f"model {MULTILINGUAL}"),
        ({"model": "intfloat/e5-small-v2"}, "intfloat/e5-small-v2 reads English only"),
        ({"model": ENGLISH, "allow_english_model": True}, f"model {ENGLISH}"),
    ],
)
def test_a_schedule_of_another_language_goes_by_its_language(hub, tmp_path, config, sentence):
    program = textwrap.dedent(f"""
        from datetime import UTC, datetime
        import dagster as dg
        from wiki_embeddings.definitions import defs
        from wiki_embeddings.defs.automation import JOB
        from wiki_embeddings.defs.automation import monthly_refresh
        from wiki_embeddings.defs.wikis import add_wiki, mark
        quiet = {{"telemetry": {{"enabled": False}}}}
        with dg.DagsterInstance.local_temp(overrides=quiet) as instance:
            add_wiki(instance, "de")
            mark(instance, "de", refreshed=True)
            context = dg.build_schedule_context(
                instance, scheduled_execution_time=datetime(2026, 12, 20, 3, tzinfo=UTC)
            )
            (request,) = monthly_refresh(context)
            config = {{"ops": {{"chunked_volume": {{"config": {config}}}}}}}
            result = defs.resolve_job_def(JOB).execute_in_process(
                instance=instance,
                partition_key=request.partition_key,
                run_config=config,
                raise_on_error=False,
            )
        for event in result.all_events:
            if event.is_step_failure:
                print(event.step_key, event.step_failure_data.user_failure_data.description)
    """)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path, HF_ENDPOINT=hub.url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("raw_wikipedia "), done.stderr
    assert sentence in done.stdout


def test_the_advised_command_repeats_an_engine_that_the_output_does_not_record(embedded_sandbox):
    for part in embedded_sandbox.folder("raw_wikipedia").glob("*.parquet"):
        part.write_bytes(b"damaged")
    config = {
        "model": str(embedded_sandbox.model),
        "token_budget": 128,
        "title_prefix": False,
        "engine": "cpu",
    }
    run = materialize(
        embedded_sandbox.instance,
        WIKI,
        ["chunked_volume"],
        {"chunked_volume": config},
        embedded_sandbox.resources(),
    )
    message = failures(run)["chunked_volume"]
    assert re.search(r"`wiki-embeddings run --wiki simple [^`]*--engine cpu`: only the", message)


@pytest.mark.parametrize(
    ("config", "on_modal", "words"),
    [
        ({}, True, ()),
        ({"gpu": "A10", "containers": 50}, True, ()),
        (
            {"gpu": "h100", "containers": 3, "deadline_minutes": 5.0, "engine": "tei"},
            True,
            ("--engine tei", "--gpu h100", "--containers 3", "--deadline-minutes 5.0"),
        ),
        ({"gpu": "H100", "engine": "cuda"}, False, ("--engine cuda",)),
    ],
)
def test_the_options_asked_are_those_that_differ_from_their_defaults(config, on_modal, words):
    asked: list[str] = []

    @dg.asset(config_schema=EmbeddingsConfig.to_config_schema().as_field())
    def embeddings(context) -> None:  # Dagster refuses its type as text
        asked.extend(options_asked(context, on_modal=on_modal))

    dg.materialize([embeddings], run_config={"ops": {"embeddings": {"config": config}}})
    assert asked == " ".join(words).split()
