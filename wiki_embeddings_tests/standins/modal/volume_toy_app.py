"""An app for the tests of volumes: containers that read, write, commit and reload on demand."""

import os
from collections.abc import Callable
from pathlib import Path

import modal

app = modal.App("volume-toy")
volume = modal.Volume.from_name("books", create_if_missing=True, version=2)

image = (
    modal.Image.debian_slim()
    .env({"BOOKS_FOLDER": "/books"})
    .add_local_python_source("wiki_embeddings_tests")
)


@app.cls(
    image=image, volumes={"/books": volume}, max_containers=1, timeout=60, scaledown_window=300
)
class Clerk:
    """Works on the volume, in one container for each name."""

    name: str = modal.parameter()

    @modal.enter()
    def find(self) -> None:
        """Remember where the volume is."""
        self.folder = Path(os.environ["BOOKS_FOLDER"])

    @modal.method()
    def write(self, path: str, text: str) -> str:
        """Write a file, and return the container's task id."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return os.environ["MODAL_TASK_ID"]

    @modal.method()
    def publish(self, path: str, text: str) -> str:
        """Write a file and commit, and return the container's task id."""
        task_id = self.write.local(path, text)
        volume.commit()
        return task_id

    @modal.method()
    def delete(self, path: str) -> None:
        """Delete a file and commit."""
        (self.folder / path).unlink()
        volume.commit()

    @modal.method()
    def read(self, path: str) -> str | None:
        """Read a file as this container sees it."""
        file = self.folder / path
        return file.read_text() if file.exists() else None

    @modal.method()
    def reload(self) -> None:
        """See what others committed."""
        volume.reload()

    @modal.method()
    def reload_while_reading(self, path: str) -> str:
        """Try a reload with an open file, and return the error."""
        with (self.folder / path).open():
            return describe_error(volume.reload)

    @modal.method()
    def commit_while_reading(self, path: str) -> str:
        """Try a commit with an open file, and return the error."""
        with (self.folder / path).open():
            return describe_error(volume.commit)

    @modal.method()
    def try_to_commit(self) -> str:
        """Commit, and return the error."""
        return describe_error(volume.commit)


def describe_error(operation: Callable[[], None]) -> str:
    """Run an operation on the volume, and return its error."""
    try:
        operation()
    except RuntimeError as error:
        return str(error)
    return "no error"
