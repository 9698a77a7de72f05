"""Dagster resources: what the assets reach beyond themselves."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from wiki_embeddings.compute.local import LocalCompute
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.cores import usable_cores


class ComputeResource(dg.ConfigurableResource):
    """Where the stages run."""

    volume: str = Field(description="Folder that is the local volume.")

    def open(self) -> Compute:
        """The compute itself."""
        return LocalCompute(Path(self.volume), usable_cores())


class HubResource(dg.ConfigurableResource):
    """Where finished datasets are published."""

    folder: str = Field(
        description="Folder that holds a folder in Hub layout for every published dataset."
    )
