"""`wiki-embeddings serve`: a page of this machine to search on, until it is interrupted."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from wiki_embeddings.cli.searched import dataset_options, opened_index
from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    from wiki_embeddings.search.questions import Index

HOST = "127.0.0.1"
"""Loopback only: the page has no accounts, and reads with this user's rights."""


@click.command()
@dataset_options
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
def command(port: int, **options: Any) -> None:
    """Open a page of this machine to search on, with a JSON endpoint for programs.

    It listens on 127.0.0.1 only. docs/search.md describes the endpoint.
    """
    for stop_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop_signal, signal.default_int_handler)
    with _listening(port) as listening:
        messages = Console(stderr=True)
        try:
            with opened_index(messages, **options) as index:
                _serve(index, listening)
        except KeyboardInterrupt:
            sys.exit(0)


def _listening(port: int) -> socket.socket:
    """Listen on a port, before anything is fetched.

    Raises:
        BadInputError: Something else listens there, or this user may not.
    """
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise BadInputError(
            f"The page cannot listen on port {port}: {error.strerror}. Choose another with --port."
        ) from error


def _serve(index: Index, listening: socket.socket) -> None:
    import uvicorn

    from wiki_embeddings.search_page.app import application

    port = listening.getsockname()[1]
    config = uvicorn.Config(
        application(index, port), lifespan="off", log_level="warning", access_log=False
    )
    click.echo(f"Search {index.label} at http://{HOST}:{port} (Ctrl-C ends it)")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])
