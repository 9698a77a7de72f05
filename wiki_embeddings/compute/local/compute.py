"""The local compute: stages in worker processes of this machine.

Dagster loads this module, so what only annotations need (NumPy, Arrow) is not imported.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate

from filelock import FileLock, Timeout

from wiki_embeddings.compute.local.pool import WorkerPool
from wiki_embeddings.compute.protocol import ArgumentsT, Event, ResultT, with_options
from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings.volume import Volume, lock_file, translate_storage_errors

if TYPE_CHECKING:
    from wiki_embeddings.encoders.protocol import EncoderInfo
    from wiki_embeddings.stages.shard import Plan, SpecT

_DOWNLOADS = 4
"""Parallel downloads: enough to use all bandwidth, few enough to sort their parts in memory."""


@dataclass(frozen=True)
class LocalCompute:
    """Runs stages in worker processes of this machine, over a folder.

    Attributes:
        root: The folder that is the volume.
        cores: Processor cores to use.
        asked: Options of the run that no output records, as words of a command line.
    """

    root: Path
    cores: int
    asked: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name for people."""
        return f"this machine, {self.cores} cores"

    @property
    def files(self) -> Volume:
        """The volume's small files."""
        return Volume(self.root)

    @property
    def folder(self) -> Path:
        """The volume's folder."""
        return self.root

    def command(self, arguments: Sequence[str]) -> str:
        """Return a shell command line that runs on this machine."""
        return shlex.join(with_options(arguments, self.asked))

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """Describe the encoder that this machine would use."""
        from wiki_embeddings import encoders  # loads a model's tokenizer library

        return encoders.describe(model, engine, revision=revision, precision=precision)

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function on the volume in this process."""
        return function(self.files, *args, **kwargs)

    def call_once(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """As `call`: there is no way to save."""
        return function(self.files, *args, **kwargs)

    def change(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function that changes the volume, in this process."""
        return function(self.files, *args, **kwargs)

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan in worker processes; see `Compute.map`."""
        max_workers = {
            "core": self.cores,
            "machine": 1,
            "network": _DOWNLOADS,
            # While so many files are fetched, another one is worked on.
            "site": FILE_CONNECTIONS + 1,
        }[plan.bound_by]
        # Files of a site are converted one after another: while one is, the workers that wait for
        # their turn must not hold the memory that converting an earlier one took.
        reuse_workers = plan.bound_by != "site"
        with _locked(self.files, plan):
            pool = WorkerPool(plan, self.files, max_workers, reuse_workers=reuse_workers)
            yield from pool.run()


@contextmanager
def _locked(volume: Volume, plan: Plan[Any]) -> Iterator[None]:
    """Lock the output of a plan; the system releases the lock if this process is killed.

    Raises:
        WikiEmbeddingsError: Another run holds the lock.
    """
    path = volume.path(lock_file(plan.folder))
    with translate_storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(path).acquire(timeout=0)
        except Timeout as error:
            raise WikiEmbeddingsError(
                f"Another run is making {volume.path(plan.folder)} right now: wait for it, or stop "
                "it; its finished shards are kept."
            ) from error
    with lock:
        yield
