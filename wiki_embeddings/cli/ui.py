"""The Dagster UI and its daemon, side by side, until one of them ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import dagster as dg

from wiki_embeddings import settings
from wiki_embeddings.defs import instance

_LOOK_EVERY_S = 0.5
_STOP_WITHIN_S = 15.0


def serve(host: str, port: int) -> int:
    """Serve the UI, and run the daemon that its schedules and queued runs need.

    Both are started directly, because `dagster dev`, which starts them too, is superseded.

    Args:
        host: Address to listen on.
        port: Port to listen on.

    Returns:
        Exit status: 0 after SIGINT or SIGTERM, else that of the process that ended by itself.

    Raises:
        WikiEmbeddingsError: There is a UI of this Dagster home already.
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, signal.default_int_handler)
    home = instance.prepare(settings.load())
    webserver = ["dagster_webserver", *_definitions(), "-h", host, "-p", str(port)]
    daemon = ["dagster._daemon", "run", *_definitions()]
    with instance.sole_ui(home) as hold:
        with instance.translate_record_errors(home), dg.DagsterInstance.get() as record:
            instance.close_abandoned_runs(record)
            instance.close_runs_of_past_ui(record)
        return _run_together([webserver, daemon], hold)


def _definitions() -> list[str]:
    root = settings.project_root()
    if root is None:
        return ["-m", "wiki_embeddings.definitions", "-a", "defs"]
    return ["-w", str(root / "workspace.yaml")]


def _run_together(modules: Sequence[Sequence[str]], hold: int) -> int:
    processes = [
        subprocess.Popen([sys.executable, "-m", *module], pass_fds=[hold])  # noqa: S603 (our own words)
        for module in modules
    ]
    try:
        while not (ended := [process for process in processes if process.poll() is not None]):
            time.sleep(_LOOK_EVERY_S)
        return ended[0].returncode
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(processes)


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
