"""`wiki-embeddings ui`: the Dagster UI and its daemon, side by side, until one of them ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from wiki_embeddings import settings
from wiki_embeddings.cli.ui_log import UiLog
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.volume import translate_storage_errors

_POLL_EVERY_S = 0.5
_STOP_WITHIN_S = 15.0

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (only compared with)
"""Addresses to listen on that are none to open, and what to open instead."""

_WORKSPACE = """\
# Written by `wiki-embeddings ui`.
load_from:
  - python_module:
      module_name: wiki_embeddings.definitions
      attribute: defs
      location_name: {location}
"""


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=click.IntRange(0, 65535), default=3000)
@click.option("--open", "in_browser", is_flag=True, help="Open the lineage in a browser.")
def command(host: str, port: int, in_browser: bool) -> None:
    """Serve the Dagster UI, and run its daemon, on the same instance as `run`."""
    sys.exit(serve(host, port, in_browser=in_browser))


def serve(host: str, port: int, *, in_browser: bool = False) -> int:
    """Serve the UI, and run the daemon that its schedules and queued runs need.

    Both are started directly, because `dagster dev`, which would start them, is superseded.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        in_browser: True to open the lineage in a browser once it is served.

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
    with instance.sole_ui(home) as lock:
        port = _free_port(host, port)
        with instance.opened_for_ui(home) as record:
            instance.close_abandoned_runs(record)
            instance.close_runs_of_past_ui(record)
            add_first_wikis(record, known.wikis)
        workspace = ["-w", str(_workspace(home))]
        webserver = ["dagster_webserver", *workspace, "-h", host, "-p", str(port)]
        daemon = ["dagster._daemon", "run", *workspace]
        with closing(UiLog(home / "ui.log")) as log:
            ui = _Ui(host, port, log, in_browser=in_browser)
            return _run_together([webserver, daemon], lock, ui)


def _free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    An address that cannot be listened on is refused here: the webserver hides its reason in its
    log.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            bound: int = listening.getsockname()[1]
            return bound
    except OSError as error:
        raise BadInputError(
            f"The UI cannot listen on port {port} of {host}: {error.strerror}. Choose another port "
            "with --port, or another address of this machine with --host."
        ) from error


def _workspace(home: Path) -> Path:
    """Return the file that names the code location, which is in the checkout if there is one."""
    root = settings.project_root()
    if root is not None:
        return root / "workspace.yaml"
    from wiki_embeddings.defs.code_location import LOCATION  # loads Dagster

    file = home / "workspace.yaml"
    with translate_storage_errors(home):
        file.write_text(_WORKSPACE.format(location=LOCATION))
    return file


class _Ui:
    """What is said of the running UI: where it is, and what it warns of."""

    def __init__(self, host: str, port: int, log: UiLog, *, in_browser: bool) -> None:
        self._address = (_EVERY_ADDRESS.get(host, host), port)
        self._in_browser = in_browser
        self._is_announced = False
        self.log = log

    def watch(self) -> None:
        """Announce the UI when it answers, and repeat its newest warnings."""
        for warning in self.log.warnings():
            click.echo(warning, err=True)
        if not self._is_announced and self._answers():
            self._is_announced = True
            host, port = self._address
            url = f"http://{f'[{host}]' if ':' in host else host}:{port}/asset-groups"
            click.echo(f"The UI is at {url} (Ctrl-C ends it; its log is {self.log.path}).")
            if self._in_browser:
                webbrowser.open(url)

    def _answers(self) -> bool:
        try:
            socket.create_connection(self._address, timeout=_POLL_EVERY_S).close()
        except OSError:
            return False
        return True


def _run_together(modules: Sequence[Sequence[str]], lock: int, ui: _Ui) -> int:
    processes = [
        subprocess.Popen(  # noqa: S603 (fixed words)
            [sys.executable, "-m", *module],
            pass_fds=[lock],
            stdout=ui.log.writing,
            stderr=ui.log.writing,
        )
        for module in modules
    ]
    try:
        while not (ended := [process for process in processes if process.poll() is not None]):
            ui.watch()
            time.sleep(_POLL_EVERY_S)
        click.echo(f"The UI has ended by itself:\n{ui.log.last_lines()}", err=True)
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
