"""What the Hub or a local folder would refuse in the end is refused before the first article."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings_tests.defs.sandbox import Sandbox
from wiki_embeddings_tests.standins.hub import FINE_GRAINED_TOKEN, LocalHub
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.generated_wiki import WIKI

REPO_ID = f"cantor/wikipedia-{WIKI}-tiny-bert"

FOREIGN = {"README.md": b"# My corpus\n"}


def named(sandbox: Sandbox, name: str) -> Sandbox:
    """The sandbox with its model in a folder of another name."""
    folder = sandbox.root / "models" / name
    shutil.copytree(sandbox.model, folder)
    return replace(sandbox, model=folder)


def early_refusal(sandbox: Sandbox, namespace: str | None = "cantor", **config: Any) -> str:
    """Run all assets in vain; return the message, after checking that nothing was done."""
    messages = sandbox.failures(namespace=namespace, **config)
    assert list(messages) == ["raw_wikipedia"]
    assert not (sandbox.root / "volume").exists()
    return messages["raw_wikipedia"]


@pytest.mark.usefixtures("writable")
@pytest.mark.parametrize(
    "name",
    [
        "my model",
        "mod\N{LATIN SMALL LETTER E WITH GRAVE}le",
        "bge--ft",
        "x.git",
        "a..b",
        "v1.",
        "a" * 90,
    ],
)
def test_a_name_that_the_hub_does_not_allow(sandbox: Sandbox, name: str):
    message = early_refusal(named(sandbox, name))
    assert f"cantor/wikipedia-simple-{name} is not a name that the Hub allows" in message
    assert "copy the model to a folder with a plainer one" in message


@pytest.mark.parametrize(
    ("prepare", "config", "sentence"),
    [
        (lambda hub: hub.add(REPO_ID, FOREIGN, repo_type="model"), {}, "is a model on http"),
        (lambda hub: hub.add(REPO_ID, FOREIGN), {}, "this project has not published (README.md)"),
        (lambda hub: hub.add(REPO_ID, {}), {"private": True}, "is public, but `private`"),
    ],
    ids=["a model", "somebody else's dataset", "public"],
)
def test_a_name_that_is_taken(
    sandbox: Sandbox,
    writable: LocalHub,
    prepare: Callable[[LocalHub], object],
    *,
    config: dict[str, Any],
    sentence: str,
):
    prepare(writable)
    assert sentence in early_refusal(sandbox, **config)


def test_a_repository_without_pull_requests(sandbox: Sandbox, writable: LocalHub):
    writable.add(REPO_ID, {})
    writable.repository(REPO_ID).has_discussions = False
    assert "pull requests, are switched off there" in early_refusal(sandbox)


@pytest.mark.usefixtures("writable")
def test_a_token_for_another_repository_of_the_namespace(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", FINE_GRAINED_TOKEN)
    message = early_refusal(sandbox, namespace="gauss")
    assert "may write to cuts, gauss/letters. Make one with write access to gauss" in message


def test_a_folder_in_the_way(sandbox: Sandbox, writable: LocalHub):
    assert writable.url
    name = sandbox.root / "hub" / "wikipedia-simple-tiny-bert"
    name.mkdir(parents=True)
    assert f"{name} is in the way" in early_refusal(sandbox, namespace=None)
    name.rmdir()
    name.symlink_to(sandbox.model)
    assert f"{name} is in the way" in early_refusal(sandbox, namespace=None)


@pytest.mark.usefixtures("writable")
def test_a_name_too_long_for_a_folder(sandbox: Sandbox):
    message = early_refusal(named(sandbox, "a" * 240), namespace=None)
    assert "too long for the name of a folder" in message


def test_the_config_may_replace_a_dataset(embedded_sandbox: Sandbox, writable: LocalHub):
    writable.add(REPO_ID, FOREIGN)
    messages = embedded_sandbox.failures("hub_dataset", namespace="cantor")
    assert "replace_existing" in messages["hub_dataset"]
    assert not (embedded_sandbox.root / "volume" / WIKI / "hub").exists()
    done = embedded_sandbox.materialize("hub_dataset", namespace="cantor", replace_existing=True)
    assert done.success


@pytest.mark.parametrize("assets", [ASSET_KEYS[1:], ASSET_KEYS[2:], ASSET_KEYS[3:]])
def test_what_is_materialized_already_names_the_dataset(
    embedded_sandbox: Sandbox, writable: LocalHub, assets: tuple[str, ...]
):
    writable.add(REPO_ID, FOREIGN)
    messages = embedded_sandbox.failures(*assets, namespace="cantor")
    assert list(messages) == [assets[0]]
    assert f"/datasets/{REPO_ID} holds something" in messages[assets[0]]


@pytest.mark.usefixtures("writable")
def test_the_config_of_other_assets_may_come_from_the_environment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MODEL", str(named(sandbox, "bge--ft").model))
    config: dict[str, dict[str, Any]] = {
        "raw_wikipedia": {"source": "hub", "fraction": 0.5},
        "chunked_volume": {"model": {"env": "MODEL"}},
    }
    resources = sandbox.resources(namespace="cantor")
    run = dagster_runs.materialize(sandbox.instance, WIKI, (), config, resources)
    messages = dagster_runs.failures(run)
    assert list(messages) == ["raw_wikipedia"]
    assert "cantor/wikipedia-simple-bge--ft-dry-run is not a name" in messages["raw_wikipedia"]
