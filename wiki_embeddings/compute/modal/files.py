"""The small files of a Modal volume, read and written from outside any container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import modal

from wiki_embeddings.compute.modal.errors import with_retries


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

        def download() -> bytes:
            with _slow_transfers_told():
                return b"".join(self.volume.read_file(reference))

        return with_retries(f"read {self.where(reference)}", download)

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write a file, which is committed whole; see `Files.write_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """

        def upload() -> None:
            with _slow_transfers_told(), self.volume.batch_upload(force=True) as batch:
                batch.put_file(BytesIO(content), f"/{reference}")

        with_retries(f"write {self.where(reference)}", upload)

    def where(self, reference: str) -> str:
        """Where people find a file or folder: as `modal volume` names it."""
        return f"{reference} on the Modal volume {self.name}"


@contextmanager
def _slow_transfers_told() -> Iterator[None]:
    """Name a transfer of blocks that took too long as what it is: the way to Modal."""
    try:
        yield
    except TimeoutError as error:
        raise modal.exception.ServiceError("a transfer took too long") from error
