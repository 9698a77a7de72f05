"""`wiki-embeddings ui`: the Dagster UI and its daemon, side by side, until one of them ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import click

from wiki_embeddings import settings

_POLL_EVERY_S = 0.5
_STOP_WITHIN_S = 15.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True)
def command(host: str, port: int) -> None:
    """Open the Dagster UI, with its daemon for schedules, on the same instance as `run`."""
    sys.exit(serve(host, port))


def serve(host: str, port: int) -> int:
    """Serve the UI, and run the daemon that its schedules and queued runs need.

    Both are started directly, because `dagster dev`, which would start them, is superseded.

    Args:
        host: Address to listen on.
        port: Port to listen on.

    Returns:
        Exit status: 0 after SIGINT or SIGTERM, else that of the process that ended by itself.

    Raises:
        WikiEmbeddingsError: A UI of this Dagster home is running already.
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    import dagster as dg  # takes a second to load

    from wiki_embeddings.defs import instance

    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, signal.default_int_handler)
    home = instance.prepare(settings.load())
    webserver = ["dagster_webserver", *_definitions(), "-h", host, "-p", str(port)]
    daemon = ["dagster._daemon", "run", *_definitions()]
    with instance.sole_ui(home) as lock:
        with instance.translate_record_errors(home), dg.DagsterInstance.get() as record:
            instance.close_abandoned_runs(record)
            instance.close_runs_of_past_ui(record)
        return _run_together([webserver, daemon], lock)


def _definitions() -> list[str]:
    root = settings.project_root()
    if root is None:
        return ["-m", "wiki_embeddings.definitions", "-a", "defs"]
    return ["-w", str(root / "workspace.yaml")]


def _run_together(modules: Sequence[Sequence[str]], lock: int) -> int:
    processes = [
        subprocess.Popen([sys.executable, "-m", *module], pass_fds=[lock])  # noqa: S603 (fixed words)
        for module in modules
    ]
    try:
        while not (ended := [process for process in processes if process.poll() is not None]):
            time.sleep(_POLL_EVERY_S)
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
