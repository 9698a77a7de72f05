"""Who watches the progress of a run in this process: the progress bars of the command line.

Not a Dagster resource, which the launchpad would show and ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from wiki_embeddings.progress import Listener, silent

_listener: ContextVar[Listener] = ContextVar("listener", default=silent)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener receive the progress of the runs that this context executes itself."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def current_listener() -> Listener:
    """Return the listener of this context; a silent one if there is none."""
    return _listener.get()
