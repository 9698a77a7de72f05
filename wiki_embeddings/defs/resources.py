"""Dagster resources: what the assets reach beyond themselves."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from wiki_embeddings.card import dataset_name
from wiki_embeddings.compute.local.compute import LocalCompute
from wiki_embeddings.compute.protocol import Compute, ContainerOptions
from wiki_embeddings.host import usable_cores
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.settings import ComputeKind


class ComputeResource(dg.ConfigurableResource):
    """Where the stages run."""

    kind: ComputeKind = Field(
        default="local", description="This machine, or the app deployed on Modal."
    )
    volume: str = Field(description="Folder that is the volume when stages run on this machine.")

    def open(self, fleet: ContainerOptions | None = None) -> Compute:
        """The compute itself.

        Args:
            fleet: The containers that it may use on Modal.

        Raises:
            BadInputError: Modal is not ready; says what to do.
            WikiEmbeddingsError: Modal cannot be reached.
        """
        if self.kind == "local":
            return LocalCompute(Path(self.volume), usable_cores())
        from wiki_embeddings.compute.modal.compute import connect  # loads Modal's client

        return connect(fleet or ContainerOptions())


class HubResource(dg.ConfigurableResource):
    """Where finished datasets are published."""

    folder: str = Field(
        description="Folder that holds a folder in Hub layout for every published dataset."
    )
    namespace: str | None = Field(
        default=None,
        description="User or organisation on the Hugging Face Hub to publish to; without one, "
        "datasets stay in the folder, or on the Modal volume.",
    )

    def repo_id(self, vectors: Manifest) -> str | None:
        """Name on the Hub of the dataset that a manifest describes; None without a namespace."""
        return f"{self.namespace}/{dataset_name(vectors)}" if self.namespace else None
