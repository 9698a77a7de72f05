"""Volumes of the local control plane, with the semantics of Modal's version 2.

What is modelled, after Modal's guide to volumes and its client:

- A container has a private view, taken when it starts. Its writes are visible elsewhere only
  after a commit (its own `volume.commit()`, or the one of Modal's container entrypoint when it
  exits in order); what others committed is visible in it only after a reload. A container that
  is killed loses what it had not committed.
- A commit carries only what the container itself wrote or deleted since its base. Different
  files merge, for the same file the last commit wins.
- A reload is refused while a process of the container has a file of the view open or mapped, or
  its working directory there. While it lasts the view is empty.

Where the documentation leaves a choice, nothing that a program could rely on happens by itself:

- There are no background commits. Modal has one every few seconds.
- A reload throws away what was not committed. Modal: it "may implicitly be committed";
  `reload_commits = True` commits it.
- A commit does not refresh the view. Whether Modal's client reloads after a commit is for the
  server to say (`skip_reload`); `commit_reloads = True` has it do so, and then a commit with
  open files is carried out and raises all the same, which older documentation describes.

What is not modelled: a consistent snapshot of a file that is written to while it is committed;
hard links, owners, modes of directories, sockets and pipes; symbolic links with an absolute target
(it lies in the folder of the container that made them); `sync` on the mount point as a commit;
mounts of a sub path (refused); that a read-only mount refuses to write (the commit is refused);
version 1 beyond its metadata; copying, renaming and quotas.

What could not be established: when the server says `skip_reload`, the status of a reload that
finds open files (the client treats FAILED_PRECONDITION, ABORTED and NOT_FOUND alike), whether a
mapped file counts as open, and the answers to removing a folder without `recursive` and to
reading one.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grpclib import GRPCError, Status

from wiki_embeddings_tests.standins.modal.volume_contents import Contents
from wiki_embeddings_tests.standins.modal.volume_faults import VolumeFaults
from wiki_embeddings_tests.standins.modal.volume_open_files import open_file
from wiki_embeddings_tests.standins.modal.volume_trees import (
    DIRECTORY,
    Entry,
    Kind,
    Tree,
    changes,
    merged,
    normal,
    without,
)
from wiki_embeddings_tests.standins.modal.volume_views import VolumeView


@dataclass
class Volume:
    """A volume and its committed state."""

    volume_id: str
    name: str
    """Empty for an ephemeral volume."""
    environment: str
    version: int
    created_at: float
    tree: Tree = field(default_factory=dict)


@dataclass(frozen=True)
class VolumeEvent:
    """A commit or a reload that took place."""

    kind: Literal["commit", "reload"]
    volume: str
    task_id: str
    written: tuple[str, ...] = ()
    """Files and symbolic links that a commit carried over."""
    deleted: tuple[str, ...] = ()
    bytes: int = 0
    """Size of the files that a commit carried over."""


class VolumeStore:
    """All volumes of a control plane, and the views that containers have of them."""

    def __init__(
        self,
        folder: Path,
        blocks_url: Callable[[], str],
        *,
        reload_commits: bool = False,
        commit_reloads: bool = False,
    ) -> None:
        self.blocks_url = blocks_url
        self.reload_commits = reload_commits
        self.commit_reloads = commit_reloads
        self.contents = Contents(folder)
        self.faults = VolumeFaults()
        self.events: list[VolumeEvent] = []
        self._volumes: dict[str, Volume] = {}
        self._views: dict[tuple[str, str], VolumeView] = {}
        self._lock = threading.Lock()  # one at a time: commits of a few MB are quick

    # Volumes

    def create(self, name: str, environment: str = "main", version: int = 2) -> Volume:
        """Add an empty volume; one without a name is ephemeral."""
        volume_id = f"vo-{uuid.uuid4().hex}"
        volume = Volume(volume_id, name, environment, version, created_at=time.time())
        self._volumes[volume_id] = volume
        return volume

    def find(self, name: str, environment: str = "main") -> Volume | None:
        """The volume of that name; None without one."""
        wanted = (name, environment)
        return next((v for v in self.listed() if (v.name, v.environment) == wanted), None)

    def named(self, name: str, environment: str = "main") -> Volume:
        """The volume of that name.

        Raises:
            KeyError: There is none.
        """
        volume = self.find(name, environment)
        if volume is None:
            raise KeyError(f"no volume {name!r} in environment {environment!r}")
        return volume

    def listed(self) -> list[Volume]:
        """The volumes that have a name, newest first."""
        named = [volume for volume in list(self._volumes.values()) if volume.name]
        return sorted(named, key=lambda volume: volume.created_at, reverse=True)

    def get(self, volume_id: str) -> Volume:
        """The volume of that id.

        Raises:
            GRPCError: There is none (NOT_FOUND).
        """
        volume = self._volumes.get(volume_id)
        if volume is None:
            raise GRPCError(Status.NOT_FOUND, f"Volume {volume_id!r} not found.")
        return volume

    def delete(self, volume_id: str) -> None:
        """Remove a volume. Containers keep their views of it, but cannot commit."""
        self._volumes.pop(self.get(volume_id).volume_id)

    # Files, from outside of containers

    def files(self, name: str, environment: str = "main") -> dict[str, bytes]:
        """The committed files of a volume, for assertions."""
        tree = self.named(name, environment).tree
        return {
            path: self.contents.read(entry.content)
            for path, entry in sorted(tree.items())
            if entry.kind is Kind.FILE
        }

    def checkout(self, name: str, folder: Path, environment: str = "main") -> None:
        """Write the committed state of a volume into an empty folder."""
        tree = self.named(name, environment).tree
        VolumeView(folder, self.contents, pids=list, read_only=True).show(tree)

    def write(self, volume_id: str, files: Mapping[str, Entry]) -> None:
        """Commit entries whose contents are stored already, as an upload does."""
        volume = self.get(volume_id)
        with self._lock:
            volume.tree = merged(volume.tree, dict(files), deleted=())

    def remove(self, volume_id: str, path: str, *, recursive: bool) -> None:
        """Commit the removal of a file, or of a directory and all below it.

        Raises:
            GRPCError: No such path (NOT_FOUND), or it is a directory and `recursive` is not set
                (FAILED_PRECONDITION).
        """
        volume = self.get(volume_id)
        with self._lock:
            key = normal(path)
            entry = volume.tree.get(key, None if key else DIRECTORY)
            if entry is None:
                raise GRPCError(Status.NOT_FOUND, f"No such file or directory: {path!r}.")
            if entry == DIRECTORY and not recursive:
                raise GRPCError(Status.FAILED_PRECONDITION, f"{path!r} is a directory.")
            volume.tree = without(volume.tree, key)

    # Views, from containers

    def mount(
        self,
        volume_id: str,
        path: Path,
        *,
        task_id: str,
        pids: Callable[[], Iterable[int]],
        read_only: bool = False,
        sub_path: str = "",
    ) -> None:
        """Give a container that is about to start a view of a volume, as a folder at `path`.

        Args:
            volume_id: The volume.
            path: Path of the view; created.
            task_id: The container.
            pids: The root processes of the container at any time; they may hold files open.
            read_only: True if the container must not change anything.
            sub_path: Not modelled.
        """
        if sub_path:
            raise NotImplementedError("the local control plane does not mount a sub path")
        volume = self.get(volume_id)
        view = VolumeView(path, self.contents, pids, read_only=read_only)
        with self._lock:
            view.show(volume.tree)
            self._views[task_id, volume_id] = view

    def drop(self, task_id: str) -> None:
        """Drop the views of a container that has ended, with all uncommitted changes."""
        with self._lock:
            keys = [key for key in self._views if key[0] == task_id]
            for key in keys:
                self._views.pop(key).discard()

    def commit(self, volume_id: str, task_id: str | None) -> None:
        """Commit what a container wrote and deleted in its view.

        Raises:
            GRPCError: The container has no such view, or may not write to it, or a fault was
                ordered.
        """
        volume, view, task_id = self._view(volume_id, task_id)
        with self.faults.around_commit(task_id), self._lock:
            self._commit(volume, view, task_id)

    def reload(self, volume_id: str, task_id: str | None) -> None:
        """Bring a container's view to the committed state.

        Raises:
            GRPCError: The container has no such view, or has files of it open
                (FAILED_PRECONDITION).
        """
        volume, view, task_id = self._view(volume_id, task_id)
        with self._lock:
            busy = open_file(view.folder, view.pids())
            if busy is not None:
                message = f"there are open files preventing the operation: {busy}"
                raise GRPCError(Status.FAILED_PRECONDITION, message)
            if self.reload_commits:
                self._commit(volume, view, task_id)
            view.show(volume.tree)
            self.events.append(VolumeEvent("reload", volume.name, task_id))

    def count(self, kind: Literal["commit", "reload"], task_id: str | None = None) -> int:
        """Number of commits or reloads, of one container or of all."""
        of_kind = [event for event in self.events if event.kind == kind]
        return sum(task_id in (None, event.task_id) for event in of_kind)

    def _commit(self, volume: Volume, view: VolumeView, task_id: str) -> None:
        current = view.scan()
        written, deleted = changes(view.base, current)
        if view.read_only and (written or deleted):
            message = f"the volume is mounted read-only; changed: {[*written, *deleted]}"
            raise GRPCError(Status.FAILED_PRECONDITION, message)
        volume.tree = merged(volume.tree, written, deleted)
        view.base = current
        files = {path: entry for path, entry in written.items() if entry != DIRECTORY}
        size = sum(entry.size for entry in files.values())
        event = VolumeEvent(
            "commit", volume.name, task_id, tuple(sorted(files)), tuple(sorted(deleted)), size
        )
        self.events.append(event)

    def _view(self, volume_id: str, task_id: str | None) -> tuple[Volume, VolumeView, str]:
        volume = self.get(volume_id)
        view = self._views.get((task_id or "", volume_id))
        if view is None or task_id is None:
            message = f"Volume {volume_id!r} is not mounted: it can only be committed and reloaded "
            message += "in a running container that mounts it."
            raise GRPCError(Status.FAILED_PRECONDITION, message)
        return volume, view, task_id
