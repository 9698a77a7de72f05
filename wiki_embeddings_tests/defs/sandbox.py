"""A volume and a Dagster instance of one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from wiki_embeddings.progress import Listener, silent
from wiki_embeddings_tests.support import dagster_runs
from wiki_embeddings_tests.support.generated_wiki import WIKI


@dataclass(frozen=True)
class Sandbox:
    """A volume, a folder for published datasets, and a Dagster instance.

    Attributes:
        root: The folder of all three.
        instance: The Dagster instance.
        model: Folder of the model that computes the vectors.
    """

    root: Path
    instance: dg.DagsterInstance
    model: Path

    def materialize(
        self,
        *assets: str,
        listener: Listener = silent,
        namespace: str | None = None,
        **hub_config: Any,
    ) -> dg.ExecuteInProcessResult:
        """Materialize some assets with their checks; all four if none is named."""
        config: dict[str, dict[str, Any]] = {
            "raw_wikipedia": {"source": "hub", "articles_per_shard": 7},
            "chunked_volume": {"model": str(self.model), "token_budget": 128},
            "hub_dataset": hub_config,
        }
        resources = self.resources(namespace=namespace, listener=listener)
        return dagster_runs.materialize(self.instance, WIKI, assets, config, resources)

    def failures(self, *assets: str, **options: Any) -> dict[str, str]:
        """Materialize assets, and return the description of each failed step."""
        return dagster_runs.failures(self.materialize(*assets, **options))

    def resources(self, **options: Any) -> dict[str, Any]:
        """The resources of the assets."""
        return dagster_runs.resources(self.root, **options)

    def recorded(self, asset: str) -> Any:
        """The last materialization of an asset; None without one."""
        return dagster_runs.recorded(self.instance, asset, WIKI)

    def folder(self, asset: str) -> Path:
        """Output folder of the last materialization of an asset."""
        return self.root / "volume" / self.recorded(asset).folder


@contextmanager
def open_sandbox(root: Path, model: Path) -> Iterator[Sandbox]:
    """Open the sandbox in a folder, a new one or one that was used before."""
    with dagster_runs.new_instance(root) as instance:
        yield Sandbox(root, instance, model)
