"""A run that is too large for this machine is refused by its first asset."""

from __future__ import annotations

import pytest

from wiki_embeddings_tests.support.dagster_runs import failures, materialize

# A Hub without any dataset refuses what the limits let through.
pytestmark = pytest.mark.usefixtures("hub", "limited")


@pytest.fixture
def limited(monkeypatch):
    """The limits as they are out of the box."""
    monkeypatch.delenv("WIKI_EMBEDDINGS_MAX_LOCAL_HOURS")
    monkeypatch.delenv("WIKI_EMBEDDINGS_MAX_LOCAL_GB")


def refusal(sandbox, wiki, config=None):
    """Why a run over a wiki fails in its first asset."""
    configs = {
        "raw_wikipedia": {"source": "hub"},
        "chunked_volume": {"model": str(sandbox.model), "token_budget": 128},
    }
    for asset, fields in (config or {}).items():
        configs[asset] = configs.get(asset, {}) | fields
    run = materialize(sandbox.instance, wiki, (), configs, sandbox.resources())
    (message,) = failures(run).values()
    return message


def test_all_of_english_is_refused_with_the_prediction_and_the_ways_out(sandbox):
    message = refusal(sandbox, "en")
    assert message.startswith("This run was not started: 'en' is predicted to take")
    assert "may take 2 hours and 20 GB" in message
    for way_out in (
        "fraction: 0.01",
        "WIKI_EMBEDDINGS_COMPUTE=modal",
        "WIKI_EMBEDDINGS_MAX_LOCAL_HOURS",
        "WIKI_EMBEDDINGS_MAX_LOCAL_GB",
    ):
        assert way_out in message


def test_a_limit_can_be_removed_and_binds_alone(sandbox, monkeypatch):
    monkeypatch.setenv("WIKI_EMBEDDINGS_MAX_LOCAL_HOURS", "none")
    assert "a run here may take 20 GB." in refusal(sandbox, "en")


@pytest.mark.parametrize(
    ("wiki", "config"),
    [
        ("en", {"raw_wikipedia": {"fraction": 0.001}}),
        ("nds-nl", {}),  # whose size is not known
        ("en", {"embeddings": {"engine": "tei"}}),  # on a GPU, whose speed is not predicted
    ],
)
def test_what_is_small_or_cannot_be_predicted_is_let_through(sandbox, monkeypatch, wiki, config):
    monkeypatch.setenv("WIKI_EMBEDDINGS_MAX_LOCAL_GB", "none")
    assert "not started" not in refusal(sandbox, wiki, config)
