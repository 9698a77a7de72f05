"""The small files of a Modal volume, read and written from outside any container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import modal

from wiki_embeddings.compute.modal.errors import with_retries


@contextmanager
def _translate_transfer_errors() -> Iterator[None]:
    """Translate the time-out of a block's transfer, so that it is retried as a transient error."""
    try:
        yield
    except TimeoutError as error:
        raise modal.exception.ServiceError("a transfer took too long") from error


@dataclass(frozen=True)
class ModalFiles:
    """`Files` of a Modal volume.

    Attributes:
        volume: The volume.
    """

    volume: modal.Volume

    def read_bytes(self, reference: str) -> bytes:
        """Read a whole file as last committed; see `Files.read_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """

        @_translate_transfer_errors()
        def download() -> bytes:
            return b"".join(self.volume.read_file(reference))

        return with_retries(f"read {self.where(reference)}", download)

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write and commit a whole file; see `Files.write_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """

        @_translate_transfer_errors()
        def upload() -> None:
            with self.volume.batch_upload(force=True) as batch:
                batch.put_file(BytesIO(content), f"/{reference}")

        with_retries(f"write {self.where(reference)}", upload)

    def where(self, reference: str) -> str:
        """Return where people find a file or folder, in the terms of `modal volume`."""
        return f"{reference} on the Modal volume {self.volume.name}"
