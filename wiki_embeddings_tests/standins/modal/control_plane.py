"""The control plane: all parts behind one server, in its own thread."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from grpclib import GRPCError, Status

from wiki_embeddings_tests.standins.modal.accounts import (
    TOKEN_ID,
    TOKEN_SECRET,
    AccountRpcs,
    check_token,
)
from wiki_embeddings_tests.standins.modal.apps import AppRpcs, FunctionRpcs
from wiki_embeddings_tests.standins.modal.assets import AssetRpcs, Assets
from wiki_embeddings_tests.standins.modal.blocks import BlobStore, BlockServer
from wiki_embeddings_tests.standins.modal.call_rpcs import CallRpcs
from wiki_embeddings_tests.standins.modal.calls import Calls
from wiki_embeddings_tests.standins.modal.container_rpcs import ContainerRpcs
from wiki_embeddings_tests.standins.modal.containers import Container, Launcher
from wiki_embeddings_tests.standins.modal.faults import Faults
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.standins.modal.registry import Registry
from wiki_embeddings_tests.standins.modal.rpc import Router, RpcServer, calling_task_id
from wiki_embeddings_tests.standins.modal.scheduler import Scheduler
from wiki_embeddings_tests.standins.modal.stats import Stats
from wiki_embeddings_tests.standins.modal.volume_rpcs import VolumeRpcs
from wiki_embeddings_tests.standins.modal.volumes import VolumeStore

_ANSWER_S = 30.0
"""Longest that the plane's own thread may take for anything a test asks of it."""

T = TypeVar("T")


class ControlPlane:
    """A control plane on this machine, as a context manager.

    Attributes:
        folder: Holds all that it writes.
        faults: The ordered faults.
        stats: Records of what happened.
        volumes: The volumes, their committed files and their faults.
        assets: Mounts, images and secrets.
    """

    def __init__(
        self,
        folder: Path,
        secrets: Mapping[str, Mapping[str, str]] | None = None,
        options: Options | None = None,
    ) -> None:
        """Prepare a plane.

        Args:
            folder: An empty folder.
            secrets: Variables of named secrets.
            options: Pace and limits.
        """
        options = options or Options()
        self.folder = folder
        self.faults = Faults()
        blobs = BlobStore(folder / "blobs")
        self.volumes = VolumeStore(folder / "volumes", lambda: self._blocks.url)
        self._blocks = BlockServer(self.volumes.contents, blobs)
        self.assets = Assets(folder, secrets or {}, blobs)
        registry = Registry()
        calls = Calls(options.retry_delay_s)
        launcher = Launcher(
            folder / "containers", registry, self.assets, self.volumes, lambda: self.url
        )
        self._scheduler = Scheduler(registry, calls, launcher, self.faults, options)
        self.stats = Stats(registry, self.assets, calls, self._scheduler)
        self._router = Router(
            [
                AccountRpcs(),
                AppRpcs(
                    registry,
                    redeployed=self._scheduler.redeployed,
                    stopped=self._scheduler.stopped,
                ),
                FunctionRpcs(registry),
                AssetRpcs(self.assets, blobs, lambda: self._blocks.url),
                CallRpcs(registry, calls, self._scheduler),
                ContainerRpcs(self._scheduler),
                VolumeRpcs(self.volumes, calling_task_id),
            ],
            check_caller=self._check_caller,
            faults=self.faults,
            remembers=options.remembers_requests,
        )
        self.faults.on_resume(lambda: self._in_loop(self._scheduler.resume))
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="modal control plane", daemon=True)

    def __enter__(self) -> Self:
        self._listening: Future[None] = Future()
        self._thread.start()
        self._listening.result(_ANSWER_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_ANSWER_S)
        if self._thread.is_alive():
            raise RuntimeError(f"The control plane did not stop within {_ANSWER_S} s")
        if error is None:
            self._raise_errors()

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[str]:
        """Names of all received RPCs, in order."""
        return list(self._router.requests)

    @property
    def client_requests(self) -> list[str]:
        """Names of the RPCs that did not come from a container, in order."""
        return list(self._router.client_requests)

    @property
    def containers(self) -> list[Container]:
        """All containers, also ended ones, oldest first."""
        return self.stats.containers()

    def environment(self) -> dict[str, str]:
        """Environment variables that make a process a client of this plane."""
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": TOKEN_ID,
            "MODAL_TOKEN_SECRET": TOKEN_SECRET,
            "MODAL_CONFIG_PATH": str(self.folder / "modal.toml"),
            "MODAL_DISABLE_API_PROXY": "1",
            "NO_PROXY": "127.0.0.1",
        }

    def run_cli(
        self, *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the `modal` command against this plane; raise AssertionError if it fails."""
        inherited = {key: value for key, value in os.environ.items() if key[:6] != "MODAL_"}
        done = subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            env=inherited | self.environment() | dict(env or {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"modal {' '.join(arguments)} failed:\n{done.stdout}")
        return done

    def deploy(
        self, module: str, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> str:
        """Deploy a module's app with the real command, and return its output."""
        return self.run_cli("deploy", "-m", module, env=env, cwd=cwd).stdout

    def kill(self, container: Container | str) -> None:
        """Kill a container now (SIGKILL)."""
        task_id = container if isinstance(container, str) else container.task_id
        self._in_loop(lambda: self._scheduler.containers[task_id].signal(signal.SIGKILL))

    def wait_until(self, condition: Callable[[], T], timeout_s: float = 60.0) -> T:
        """Wait until a condition holds, and return its value.

        Raises:
            AssertionError: It did not hold in time; has the end of the latest containers' logs.
        """
        deadline = time.monotonic() + timeout_s
        while not (held := condition()):
            self._raise_errors()
            if time.monotonic() > deadline:
                raise AssertionError(f"Waited {timeout_s} s in vain.\n{self._logs()}")
            time.sleep(0.02)
        return held

    def _raise_errors(self) -> None:
        if mistakes := [*self._router.errors, *self._scheduler.errors]:
            raise ExceptionGroup("The control plane made mistakes", mistakes)

    def _logs(self) -> str:
        return "\n".join(
            f"--- {container.live.name} {container.task_id}, exit {container.exit_code}\n"
            f"{container.log[-2000:]}"
            for container in self.containers[-5:]
        )

    def _check_caller(self, stream: Any) -> None:
        task_id = calling_task_id(stream)
        if task_id is None:
            check_token(stream.metadata)
        elif task_id not in self._scheduler.containers or self._scheduler.containers[task_id].ended:
            raise GRPCError(Status.UNAUTHENTICATED, f"Container '{task_id}' not found")

    def _in_loop(self, act: Callable[[], T]) -> T:
        async def go() -> T:
            return act()

        return asyncio.run_coroutine_threadsafe(go(), self._loop).result(_ANSWER_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            if self._listening.done():
                raise
            self._listening.set_exception(error)
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _serve(self) -> None:
        await self._blocks.start()
        server = RpcServer(self._router)
        listening = socket.create_server(("127.0.0.1", 0))
        self._port = listening.getsockname()[1]
        await server.start(sock=listening)
        self._listening.set_result(None)
        try:
            await self._stop.wait()
        finally:
            await self._scheduler.close()
            await server.end()
            await self._blocks.stop()
