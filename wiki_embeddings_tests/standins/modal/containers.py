"""A container: a real process of Modal's own entrypoint, below a root folder of its own."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.accounts import ENVIRONMENT
from wiki_embeddings_tests.standins.modal.assets import Assets
from wiki_embeddings_tests.standins.modal.calls import Input
from wiki_embeddings_tests.standins.modal.notifier import Notifier
from wiki_embeddings_tests.standins.modal.processes import find_processes, kill_processes
from wiki_embeddings_tests.standins.modal.registry import LiveFunction, Registry
from wiki_embeddings_tests.standins.modal.rpc import TASK_HEADER
from wiki_embeddings_tests.standins.modal.volumes import VolumeStore

_CODE = "root"
"""Where mounted code lies below a container's root: `/root`, as in Modal's images."""

_SITE = "pkg"
"""Where the entrypoint's own modules lie: `/pkg`, as in Modal's images."""

_SITECUSTOMIZE = """\
# A container sees what was deployed and the packages of this interpreter, nothing else.
import ctypes, os, signal, sys

own = tuple(os.path.join(folder, "") for folder in ({root!r}, sys.prefix, sys.base_prefix))
sys.path[:] = [entry for entry in sys.path if os.path.join(entry, "").startswith(own)]
sys.meta_path[:] = [
    finder
    for finder in sys.meta_path
    if not getattr(finder, "__module__", "").startswith("__editable__")
]
if os.getppid() == {parent}:  # the container itself: it goes when the control plane goes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
"""


@dataclass
class Container:
    """A container, from its start to after its end.

    Attributes:
        task_id: Its id.
        live: The function or variant that it runs, as deployed at its start.
        folder: Its folder; `root` in it is its root, `log` its output.
        started_at: Seconds since the epoch.
        running: Inputs that it works on, by id.
        taken: Ids of all its inputs, in order.
        ready: True once it has asked for an input.
        draining: True if it gets no further input.
        cancellations: Inputs whose cancellation it does not know of yet.
        idle_since: When it became idle (monotonic clock).
        notifier: Notified when it is to look for orders.
        process: Its process, once there is one.
        ended: True after its end.
        signalled: The last signal sent to it; delivered later if it has no process yet.
    """

    task_id: str
    live: LiveFunction
    folder: Path
    started_at: float = field(default_factory=time.time)
    running: dict[str, Input] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    ready: bool = False
    draining: bool = False
    cancellations: list[str] = field(default_factory=list)
    idle_since: float = field(default_factory=time.monotonic)
    notifier: Notifier = field(default_factory=Notifier)
    process: Process | None = None
    ended: bool = False
    signalled: int = 0

    @property
    def root(self) -> Path:
        """The folder that stands for `/`."""
        return self.folder / "root"

    @property
    def log(self) -> str:
        """Its output so far."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def exit_code(self) -> int | None:
        """Exit code of its process; negative for the signal that killed it."""
        return self.process.returncode if self.process else None

    def process_ids(self) -> list[int]:
        """Its live processes."""
        return find_processes(self.task_id)

    def signal(self, number: int) -> None:
        """Send a signal to the entrypoint's process group."""
        self.signalled = number
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill it now."""
        self.draining = True
        self.signal(signal.SIGKILL)

    def kill_unless_ready(self) -> None:
        """Kill it if it is not ready; this counts as a crash."""
        if not self.ready:
            self.signal(signal.SIGKILL)

    def below_root(self, path: str) -> str:
        """The path on this machine of an absolute path, or of several with colons."""
        if not path.startswith("/"):
            return path
        parts = path.split(":")
        return ":".join(f"{self.root}{part}" if part.startswith("/") else part for part in parts)


@dataclass(frozen=True)
class Launcher:
    """Starts containers.

    Attributes:
        folder: Holds a folder for each.
        registry: What is deployed.
        assets: Mounts, images and secrets.
        volumes: Gives each its views.
        server_url: The control plane.
    """

    folder: Path
    registry: Registry
    assets: Assets
    volumes: VolumeStore
    server_url: Callable[[], str]

    async def launch(self, container: Container) -> None:
        """Build a container's folder and start its process."""
        await asyncio.to_thread(self._prepare_folder, container)
        with (container.folder / "log").open("wb") as log:
            container.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "modal._container_entrypoint"),
                cwd=container.root / _CODE,
                env=self._environment(container),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if container.signalled:
            container.signal(container.signalled)

    async def wait(self, container: Container) -> None:
        """Wait until a container's process has ended; then kill its leftover children."""
        assert container.process is not None
        await container.process.wait()
        await asyncio.to_thread(kill_processes, container.task_id)
        await asyncio.to_thread(self.volumes.drop, container.task_id)

    def _prepare_folder(self, container: Container) -> None:
        function = container.live.function
        for folder in (_CODE, _SITE, "tmp"):
            (container.root / folder).mkdir(parents=True)
        self.assets.materialise(function.mount_ids, container.root)
        (container.root / _SITE / "sitecustomize.py").write_text(
            _SITECUSTOMIZE.format(root=str(container.root), parent=os.getpid())
        )
        for mount in function.volume_mounts:
            self.volumes.mount(
                mount.volume_id,
                Path(container.below_root(mount.mount_path)),
                task_id=container.task_id,
                pids=container.process_ids,
                read_only=mount.read_only,
                sub_path=mount.sub_path,
            )
        (container.folder / "arguments").write_bytes(self._arguments(container))

    def _arguments(self, container: Container) -> bytes:
        live = container.live
        function = api_pb2.Function()
        function.CopyFrom(live.function)
        for mount in function.volume_mounts:
            mount.mount_path = container.below_root(mount.mount_path)
        layout = self.registry.layout(live.app)
        known = {described.object_id for described in layout.objects}
        for dependency in function.object_dependencies:
            if dependency.object_id not in known:
                layout.objects.append(self._described(dependency.object_id))
        return api_pb2.ContainerArguments(
            task_id=container.task_id,
            function_id=live.id,
            app_id=live.app.id,
            function_def=function,
            serialized_params=live.serialized_params,
            environment_name=ENVIRONMENT,
            app_layout=layout,
        ).SerializeToString()

    def _described(self, object_id: str) -> api_pb2.Object:
        if not object_id.startswith("vo-"):
            return api_pb2.Object(object_id=object_id)
        volume = self.volumes.get(object_id)
        return api_pb2.Object(
            object_id=object_id,
            volume_metadata=api_pb2.VolumeMetadata(
                name=volume.name,
                version=api_pb2.VOLUME_FS_VERSION_V2
                if volume.version == 2
                else api_pb2.VOLUME_FS_VERSION_V1,
            ),
        )

    def _environment(self, container: Container) -> dict[str, str]:
        function = container.live.function
        image = self.assets.image_environment(function.image_id)
        cores = str(max(1, math.ceil(function.resources.milli_cpu / 1000)))
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(container.root / _CODE),
            "TMPDIR": str(container.root / "tmp"),
            "PYTHONPATH": f"{container.root / _SITE}:{container.root / _CODE}",
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": cores,
            "OPENBLAS_NUM_THREADS": cores,
            "MKL_NUM_THREADS": cores,
            **{
                name: container.below_root(value)
                for name, value in image.items()
                if name not in ("PATH", "PYTHONPATH")
            },
            **self.assets.secret_environment(function.secret_ids),
            "MODAL_TASK_ID": container.task_id,
            "MODAL_IS_REMOTE": "1",
            "MODAL_IMAGE_ID": function.image_id,
            "MODAL_ENVIRONMENT": ENVIRONMENT,
            "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_LOCAL",
            "MODAL_REGION": "local",
            "MODAL_SERVER_URL": self.server_url(),
            "MODAL_DISABLE_API_PROXY": "1",
            "MODAL_OVERRIDE_HEADERS": f"{TASK_HEADER}:{container.task_id}",
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(container.folder / "arguments"),
        }
