"""A Modal that is not ready: an asset is refused before any container starts for it."""

from __future__ import annotations

import pytest

from wiki_embeddings.compute.modal import preflight, workspace
from wiki_embeddings.compute.modal.deployment import APP, DEPLOY, SECRET, VOLUME
from wiki_embeddings_tests.support.dagster_runs import failures


def outdated_code(monkeypatch, _plane):
    monkeypatch.setattr(preflight, "code_version", lambda: "0123456789abcdef")


def no_secret(monkeypatch, plane):
    monkeypatch.delitem(plane.assets.secrets, SECRET)


def no_volume(monkeypatch, _plane):
    for module in (preflight, workspace):
        monkeypatch.setattr(module, "VOLUME", "wiki-embeddings-2")


def no_deployment(monkeypatch, _plane):
    for module in (preflight, workspace):
        monkeypatch.setattr(module, "APP", "wiki-embeddings-2")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (outdated_code, f"but the code here is 0123456789abcdef. Run `{DEPLOY}` again."),
        (no_secret, f"Modal secret {SECRET}: missing. Run `modal secret create {SECRET}"),
        (no_volume, f"Modal volume {VOLUME}: missing. Run `{DEPLOY}`"),
        (no_deployment, f"Modal app {APP}: not deployed. Run `{DEPLOY}`."),
    ],
)
def test_an_asset_is_refused_before_any_container_starts_for_it(
    cloud, plane, monkeypatch, spoil, sentence
):
    preflight._require_ready.cache_clear()
    spoil(monkeypatch, plane)
    before = len(plane.containers)
    try:
        result = cloud.cloud.materialize("embeddings")
    finally:
        preflight._require_ready.cache_clear()
    (message,) = failures(result).values()
    assert sentence in message
    assert {container.live.name for container in plane.containers[before:]} <= {"handshake"}
