"""The small files of a Modal volume, read and written from outside any container."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO

import modal

from wiki_embeddings.compute.modal.errors import with_retries
from wiki_embeddings.compute.modal.memory import RunMemory
from wiki_embeddings.volume import is_settled, sha256_of


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
        memory: What the run has learnt: it reads a settled file once, and does not write again what
            is there.
    """

    volume: modal.Volume
    memory: RunMemory = field(default_factory=RunMemory)

    def read_bytes(self, reference: str) -> bytes:
        """Read a whole file as last committed; see `Files.read_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """

        @_translate_transfer_errors()
        def download() -> bytes:
            return b"".join(self.volume.read_file(reference))

        if reference in self.memory.files:
            return self.memory.files[reference]
        content = with_retries(f"read {self.where(reference)}", download)
        self._remember(reference, content)
        return content

    def write_bytes(self, reference: str, content: bytes) -> None:
        """Write and commit a whole file; see `Files.write_bytes`.

        Raises:
            WikiEmbeddingsError: Modal cannot be reached.
        """

        @_translate_transfer_errors()
        def upload() -> None:
            with self.volume.batch_upload(force=True) as batch:
                batch.put_file(BytesIO(content), f"/{reference}")

        if self.memory.on_volume.get(reference) != sha256_of(content):
            with_retries(f"write {self.where(reference)}", upload)
        self._remember(reference, content)

    def _remember(self, reference: str, content: bytes) -> None:
        if is_settled(reference):
            self.memory.files[reference] = content
            self.memory.on_volume[reference] = sha256_of(content)

    def where(self, reference: str) -> str:
        """Return where people find a file or folder, in the terms of `modal volume`."""
        return f"{reference} on the Modal volume {self.volume.name}"
