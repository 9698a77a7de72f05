"""The process that `text-embeddings-router` starts: flags, model, then HTTP, in TEI's order."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from wiki_embeddings_tests.standins.tei.arguments import parse
from wiki_embeddings_tests.standins.tei.orders import VARIABLE, begin_life


def main() -> None:
    """Serve until killed."""
    arguments = parse(sys.argv[1:])
    notes = Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None
    life, orders = begin_life(notes)
    if orders.fails_to_start:
        sys.exit(orders.fails_to_start)
    if orders.says:
        sys.stderr.write(f"{orders.says}\n")
    # NumPy and ONNX Runtime, which `--version` and wrong flags need not wait for.
    from wiki_embeddings_tests.standins.tei.model import ServedModel, fail
    from wiki_embeddings_tests.standins.tei.server import TeiProcess

    model = ServedModel(arguments)
    try:
        server = TeiProcess(arguments, model, life, orders, notes)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        address = f"{arguments['hostname']}:{arguments['port']}"
        fail(f"Could not bind TCP Listener on {address}", "Address already in use (os error 98)")
    server.serve_forever()
