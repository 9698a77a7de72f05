"""A worker process of the local compute: it makes one shard after another and tells of each."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from wiki_embeddings.compute.protocol import Advanced, Event, Failed, Finished
from wiki_embeddings.errors import BrokenDeviceError, WikiEmbeddingsError
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import Report
from wiki_embeddings.volume import UnusableVolumeError, Volume

_TELL_EVERY_S = 0.2
"""Often enough for a bar that moves, seldom enough to cost nothing."""


@dataclass(frozen=True)
class Assignment:
    """One shard to make.

    Attributes:
        shard: Its place in the plan.
        spec: The stage's spec of it.
    """

    shard: int
    spec: Any


def serve(
    connection: Connection, make: Callable[[Any, Volume, Progress], Report], volume: Volume
) -> None:
    """Make the shards that come over a connection until it closes.

    Args:
        connection: Brings `Assignment`s and takes `Event`s.
        make: Makes one shard.
        volume: The volume as this process sees it.
    """
    # Ctrl-C reaches every process of the terminal; the parent is the one that stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # One process a core makes the best use of the machine; threads of the tokenizer on top of
    # that only get in each other's way.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    while True:
        try:
            assignment = connection.recv()
        except EOFError:
            return
        connection.send(_made(assignment, make, volume, connection.send))


def _made(
    assignment: Assignment,
    make: Callable[[Any, Volume, Progress], Report],
    volume: Volume,
    tell: Callable[[Event], None],
) -> Event:
    progress = _Throttled(assignment.shard, tell)
    try:
        report = make(assignment.spec, volume, progress)
    except WikiEmbeddingsError as error:
        fatal = isinstance(error, UnusableVolumeError | BrokenDeviceError)
        return Failed(assignment.shard, str(error), "", fatal)
    # Whatever else goes wrong is this shard's own failure: it is reported with its traceback and
    # must not take the other shards of this worker with it.
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        return Failed(assignment.shard, cause, traceback.format_exc(), fatal=False)
    return Finished(assignment.shard, report)


class _Throttled:
    """Adds up progress and tells of it a few times a second."""

    def __init__(self, shard: int, tell: Callable[[Event], None]) -> None:
        self._shard = shard
        self._tell = tell
        self._untold = 0
        self._told_at = time.monotonic()

    def __call__(self, units: int) -> None:
        self._untold += units
        now = time.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            self._tell(Advanced(self._shard, self._untold))
            self._untold, self._told_at = 0, now


def _die_with_parent() -> None:
    """End at once when the parent is gone, also by SIGKILL: no one is left to want the result."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
