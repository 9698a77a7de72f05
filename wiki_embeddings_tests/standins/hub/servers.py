"""The three servers of a local Hub, in threads of this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wiki_embeddings_tests.standins.hub.handlers import HubHandler, LocalHubHandler
from wiki_embeddings_tests.standins.hub.local_hub import LocalHub
from wiki_embeddings_tests.standins.hub.store import StoreHandler
from wiki_embeddings_tests.standins.hub.xet_handler import XetHandler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler], hub: LocalHub) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.hub = hub

    def handle_error(self, request, client_address) -> None:  # noqa: ARG002
        """Keep defects for the test; a broken connection is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.hub.defects.append(error)


@contextmanager
def local_hub() -> Generator[LocalHub]:
    """Run a Hub and its stores while the block runs.

    Raises:
        ExceptionGroup: The servers had defects.
    """
    hub = LocalHub()
    handlers: tuple[type[LocalHubHandler], ...] = (HubHandler, StoreHandler, XetHandler)
    servers = [_Server(_bound(handler, hub), hub) for handler in handlers]
    addresses = [f"http://127.0.0.1:{server.server_port}" for server in servers]
    hub.url, hub.store_url, hub.xet_url = addresses
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
        hub.faults.release_all()
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
        hub.objects.close()
    if hub.defects:
        raise BaseExceptionGroup("defects of the local Hub", hub.defects)


def _bound(handler: type[LocalHubHandler], hub: LocalHub) -> type[LocalHubHandler]:
    return type(handler.__name__, (handler,), {"hub": hub})
