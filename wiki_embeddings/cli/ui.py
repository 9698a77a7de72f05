"""`wiki-embeddings ui`: the Dagster UI and its daemon, side by side, until one of them ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import click

from wiki_embeddings import settings
from wiki_embeddings.errors import BadInputError

_POLL_EVERY_S = 0.5
_STOP_WITHIN_S = 15.0


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=click.IntRange(0, 65535), default=3000)
def command(host: str, port: int) -> None:
    """Open the Dagster UI, and run its daemon, on the same instance as `run`."""
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
        BadInputError: Something else listens there, or nothing can.
        WikiEmbeddingsError: A UI of this Dagster home is running already.
        UnusableVolumeError: The Dagster home cannot be written to.
    """
    from wiki_embeddings.defs import instance  # these load Dagster, which takes a second
    from wiki_embeddings.defs.wikis import add_first_wikis

    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, signal.default_int_handler)
    known = settings.load()
    home = instance.prepare(known)
    webserver = ["dagster_webserver", *_definitions(), "-h", host, "-p", str(port)]
    daemon = ["dagster._daemon", "run", *_definitions()]
    with instance.sole_ui(home) as lock:
        _require_free(host, port)
        with instance.opened_for_ui(home) as record:
            instance.close_abandoned_runs(record)
            instance.close_runs_of_past_ui(record)
            add_first_wikis(record, known.wikis)
        return _run_together([webserver, daemon], lock)


def _require_free(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on: the webserver hides its reason in its log."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
    except OSError as error:
        raise BadInputError(
            f"The UI cannot listen on port {port} of {host}: {error.strerror}. Choose another port "
            "with --port, or another address of this machine with --host."
        ) from error


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
