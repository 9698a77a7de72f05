"""The process that `text-embeddings-router` starts: flags, model, then HTTP, in TEI's order."""

from __future__ import annotations

import errno
import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path

from wiki_embeddings_tests.standins.tei.arguments import parse
from wiki_embeddings_tests.standins.tei.orders import VARIABLE, start_life


def main() -> None:
    """Serve until killed."""
    arguments = parse(sys.argv[1:])
    notes = Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None
    life, orders = start_life(notes)
    if orders.fails_to_start:
        sys.exit(orders.fails_to_start)
    if orders.says:
        sys.stderr.write(f"{orders.says}\n")
    # NumPy and the tokenizers, which `--version` and wrong flags need not wait for. One thread:
    # several servers share the cores of a test.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from wiki_embeddings_tests.standins.tei.handler import Handler
    from wiki_embeddings_tests.standins.tei.model import ServedModel, fail
    from wiki_embeddings_tests.standins.tei.state import ServerState

    state = ServerState(arguments, ServedModel(arguments), life, orders, notes)
    handler = type("BoundHandler", (Handler,), {"state": state})
    address = (arguments["hostname"], arguments["port"])
    try:
        server = ThreadingHTTPServer(address, handler)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        taken = f"Could not bind TCP Listener on {address[0]}:{address[1]}"
        fail(taken, "Address already in use (os error 98)")
    server.serve_forever()
