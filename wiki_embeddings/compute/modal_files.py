"""The small files of a Modal volume, read and written from outside any container."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import modal

from wiki_embeddings.compute.modal_errors import explained


@dataclass(frozen=True)
class ModalFiles:
    """`Files` of a Modal volume.

    Attributes:
        volume: The volume.
        name: Its name.
    """

    volume: modal.Volume
    name: str

    def read_bytes(self, reference: str) -> bytes:
        """Read a whole file as it was last committed; see `Files.read_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """
        with explained(f"read {self.where(reference)}"):
            return b"".join(self.volume.read_file(reference))

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write a file, which is committed whole; see `Files.write_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """
        with (
            explained(f"write {self.where(reference)}"),
            self.volume.batch_upload(force=True) as batch,
        ):
            batch.put_file(BytesIO(content), f"/{reference}")

    def where(self, reference: str) -> str:
        """Where people find a file or folder: as `modal volume` names it."""
        return f"{reference} on the Modal volume {self.name}"
