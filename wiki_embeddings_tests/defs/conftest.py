from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings_tests.defs.sandbox import Sandbox, open_sandbox
from wiki_embeddings_tests.sources.article_tables import parquet
from wiki_embeddings_tests.standins.hub import WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.standins.hub.fixtures import use_local_hub
from wiki_embeddings_tests.support.dagster_runs import failures
from wiki_embeddings_tests.support.generated_wiki import serve, wikipedia

ARTICLES = 40
"""Articles of the wiki in `embedded_sandbox`."""


@pytest.fixture
def writable(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A Hub with a wiki on it, and a token in the environment that may write."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    serve(hub, parquet(wikipedia(range(ARTICLES))))
    return hub


@pytest.fixture
def sandbox(tmp_path: Path, tiny_model: Path) -> Iterator[Sandbox]:
    """An empty sandbox."""
    with open_sandbox(tmp_path, tiny_model) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def _embedded(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    root = tmp_path_factory.mktemp("embedded")
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        use_local_hub(monkeypatch, tmp_path_factory.mktemp("logged_out")) as hub,
        open_sandbox(root, tiny_model) as sandbox,
    ):
        serve(hub, parquet(wikipedia(range(ARTICLES))))
        result = sandbox.materialize(*ASSET_KEYS[:3])
        assert result.success, failures(result)
    return root


@pytest.fixture
def embedded_sandbox(_embedded: Path, tmp_path: Path, tiny_model: Path) -> Iterator[Sandbox]:
    """A sandbox in which all assets but the dataset have been materialized."""
    root = tmp_path / "sandbox"
    shutil.copytree(_embedded, root)
    with open_sandbox(root, tiny_model) as sandbox:
        yield sandbox
