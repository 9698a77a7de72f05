"""Dagster resources: what the assets reach beyond themselves."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from wiki_embeddings.compute.local import LocalCompute
from wiki_embeddings.compute.protocol import Compute
from wiki_embeddings.cores import usable_cores
from wiki_embeddings.errors import BadInputError


class ComputeResource(dg.ConfigurableResource):
    """Where the stages run."""

    volume: str = Field(description="Folder that is the local volume.")
    cores: int | None = Field(
        default=None, gt=0, description="Processor cores to use. By default all that there are."
    )

    def open(self) -> Compute:
        """The compute itself."""
        return LocalCompute(Path(self.volume), self.cores or usable_cores())


class HubResource(dg.ConfigurableResource):
    """Where finished datasets are published."""

    folder: str = Field(
        description="Folder that holds a folder in Hub layout for every published dataset."
    )
    namespace: str | None = Field(
        default=None, description="Hub user or organisation; unset for the local folder."
    )

    def path(self) -> Path:
        """The folder of the published datasets.

        Raises:
            BadInputError: A namespace is set, to which this version does not publish.
        """
        if self.namespace:
            raise BadInputError(
                f"WIKI_EMBEDDINGS_HUB_NAMESPACE is {self.namespace!r}, but this version publishes "
                f"only to the local folder {self.folder}: unset it, and upload the folder yourself "
                "with `hf upload`."
            )
        return Path(self.folder)
