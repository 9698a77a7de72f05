"""A worker process of the local compute: it makes the shards that it gets and reports each."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeAlias

from wiki_embeddings.compute.protocol import Event, Failed, Finished, Progressed
from wiki_embeddings.errors import BrokenDeviceError, OutageError, WikiEmbeddingsError
from wiki_embeddings.host import exit_with_parent
from wiki_embeddings.volume import UnusableVolumeError, Volume

if TYPE_CHECKING:
    from wiki_embeddings.sources.protocol import Progress
    from wiki_embeddings.stages.shard import Report

    Make: TypeAlias = Callable[[Any, Volume, Progress], Report]

_REPORT_EVERY_S = 0.2
"""Often enough for a smooth progress bar, seldom enough to cost nothing."""


def serve(connection: Connection, make: Make, volume: Volume, shards_in_hand: int) -> None:
    """Make the shards that arrive over a connection until it closes.

    Args:
        connection: Brings pairs of a shard's index in the plan and its spec; takes `Event`s.
        make: Makes one shard.
        volume: The volume as this process sees it.
        shards_in_hand: Most shards to work on at once, each in a thread.
    """
    # Ctrl-C reaches every process of the terminal; the parent is the one that stops the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_with_parent()
    # One process per core makes the best use of the machine; threads of the tokenizer on top of
    # that only get in each other's way.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    sending = threading.Lock()

    def send(event: Event) -> None:
        with sending:
            connection.send(event)

    def work(shard: int, spec: Any) -> None:
        send(_make(shard, spec, make, volume, _ThrottledProgress(shard, send)))

    with ThreadPoolExecutor(shards_in_hand) as threads:
        while True:
            try:
                shard, spec = connection.recv()
            except EOFError:
                return
            threads.submit(work, shard, spec)


def _make(shard: int, spec: Any, make: Make, volume: Volume, progress: Progress) -> Event:
    """Make a shard; return how it ended."""
    try:
        report = make(spec, volume, progress)
    except WikiEmbeddingsError as error:
        is_fatal = isinstance(error, UnusableVolumeError | BrokenDeviceError | OutageError)
        return Failed(shard, str(error), fatal=is_fatal, may_pass=error.may_pass)
    # Any other exception is a failure of this shard alone: it is reported with its traceback, and
    # the worker goes on with the next shard.
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        return Failed(shard, cause, traceback.format_exc())
    return Finished(shard, report)


class _ThrottledProgress:
    """Adds up a shard's progress and sends it a few times a second."""

    def __init__(self, shard: int, send: Callable[[Event], None]) -> None:
        self._shard = shard
        self._send = send
        self._unsent_units = 0
        self._sent_at = time.monotonic()

    def __call__(self, units: int) -> None:
        self._unsent_units += units
        now = time.monotonic()
        if now - self._sent_at >= _REPORT_EVERY_S:
            self._send(Progressed(self._shard, self._unsent_units))
            self._unsent_units, self._sent_at = 0, now
