"""Dagster resources: where the stages run and where datasets are published."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import Field, PrivateAttr

from wiki_embeddings import settings
from wiki_embeddings.compute.modal.memory import RunMemory
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
    volume: str | None = Field(
        default=None,
        description="Folder of the volume, when stages run on this machine. By default the one in "
        "WIKI_EMBEDDINGS_HOME.",
    )

    # Dagster makes this resource anew for each run, and all steps of a process share it.
    _memory: RunMemory = PrivateAttr(default_factory=RunMemory)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Hold the lock of the run, from before its first step until after its last."""
        if context.instance is None or context.run_id is None:  # outside of a run
            yield self
            return
        with locked_run(context.instance, context.run_id):
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

            volume = Path(self.volume) if self.volume else settings.load().volume
            return LocalCompute(volume, usable_cores(), asked)
        from wiki_embeddings.compute.modal.compute import connect  # loads Modal's client

        return connect(options or ContainerOptions(), asked, self._memory)


class HubResource(dg.ConfigurableResource):
    """Where finished datasets are published."""

    folder: str | None = Field(
        default=None,
        description="Folder that has a folder in Hub layout for every published dataset. By "
        "default the one in WIKI_EMBEDDINGS_HOME.",
    )
    namespace: str | None = Field(
        default=None,
        description="User or organisation on the Hugging Face Hub to publish to. Without one, "
        "datasets stay in the folder, or on the Modal volume.",
    )

    def local_folder(self) -> Path:
        """Return the folder in which datasets are published without the Hub."""
        return Path(self.folder) if self.folder else settings.load().hub

    def repo_id(self, vectors: Manifest) -> str | None:
        """Name the dataset of a manifest on the Hub; None without a namespace."""
        from wiki_embeddings.card import dataset_name  # loads Arrow

        return f"{self.namespace}/{dataset_name(vectors)}" if self.namespace else None
