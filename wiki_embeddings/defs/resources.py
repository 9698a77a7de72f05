"""Dagster resources: where the stages run and where datasets are published."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import Field

from wiki_embeddings.compute.protocol import Compute, ContainerOptions
from wiki_embeddings.defs.run_locks import locked_run
from wiki_embeddings.host import usable_cores
from wiki_embeddings.manifest import Manifest
from wiki_embeddings.settings import ComputeKind


class ComputeResource(dg.ConfigurableResource):
    """Where the stages run."""

    kind: ComputeKind = Field(
        default="local", description="This machine, or the app deployed on Modal."
    )
    volume: str = Field(description="Folder of the volume, when stages run on this machine.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the lock of the run, from before its first step until after its last."""
        if context.instance is None or context.run is None:  # outside of a run
            yield self
            return
        with locked_run(context.instance, context.run.run_id):
            yield self

    def open(self, options: ContainerOptions | None = None, asked: tuple[str, ...] = ()) -> Compute:
        """Open the compute.

        Args:
            options: The containers that it may use on Modal.
            asked: Options of the run that no output records, for the commands that it advises.

        Raises:
            BadInputError: Modal is not ready; says what to do.
            WikiEmbeddingsError: Modal cannot be reached.
        """
        if self.kind == "local":
            from wiki_embeddings.compute.local.compute import LocalCompute

            return LocalCompute(Path(self.volume), usable_cores(), asked)
        from wiki_embeddings.compute.modal.compute import connect  # loads Modal's client

        return connect(options or ContainerOptions(), asked)


class HubResource(dg.ConfigurableResource):
    """Where finished datasets are published."""

    folder: str = Field(
        description="Folder that has a folder in Hub layout for every published dataset."
    )
    namespace: str | None = Field(
        default=None,
        description="User or organisation on the Hugging Face Hub to publish to. Without one, "
        "datasets stay in the folder, or on the Modal volume.",
    )

    def repo_id(self, vectors: Manifest) -> str | None:
        """Name the dataset of a manifest on the Hub; None without a namespace."""
        from wiki_embeddings.card import dataset_name  # loads Arrow

        return f"{self.namespace}/{dataset_name(vectors)}" if self.namespace else None
