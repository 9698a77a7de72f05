"""What happens around a stage inside a Modal container: reload the volume, make a shard, commit it.

A container sees the volume as of its start until it reloads, and nobody else sees what it writes
until it commits. The stages know nothing of that.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from wiki_embeddings.errors import (
    BadInputError,
    BrokenDeviceError,
    OutageError,
    WikiEmbeddingsError,
)
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import Report, ShardSpec
from wiki_embeddings.volume import UnusableVolumeError, Volume

ResultT = TypeVar("ResultT")

Make: TypeAlias = Callable[[Any, Volume, Progress], Report]

_OPEN_FILES = "open files"
"""Part of Modal's message when it refuses a reload because this container has files open."""

_RETRY_FOR_S = 120.0
"""Files are open for seconds, while a shard is read or written; if they stay open, it is a bug."""


class MountedVolume(Protocol):
    """What this module uses of a `modal.Volume` in a container."""

    def reload(self) -> None:
        """Make the commits of other containers visible here."""

    def commit(self) -> None:
        """Make what this container has written visible to others."""


class ShardError(Exception):
    """A shard failed in a way that a retry may fix; Modal retries it.

    Attributes:
        cause: One sentence.
        detail: The traceback in the container; empty if the cause says it all.
        may_pass: True if a later run may make it, even where all of Modal's retries failed.
    """

    def __init__(self, cause: str, detail: str = "", may_pass: bool = False) -> None:
        super().__init__(cause, detail, may_pass)  # what it is unpickled from
        self.cause = cause
        self.detail = detail
        self.may_pass = may_pass


@dataclass(frozen=True)
class ShardResult:
    """The outcome of a shard that no retry would change.

    Attributes:
        report: The stage's report; None if the shard can never be made.
        cause: Why not, for people; empty with a report.
        fatal: True if every other shard would fail in the same way.
        may_pass: True if a later run may make it without anybody's doing.
    """

    report: Report | None
    cause: str = ""
    fatal: bool = False
    may_pass: bool = False


@dataclass(frozen=True)
class Refusal:
    """A `BadInputError` of a function: returned, because Modal retries what is raised.

    Attributes:
        cause: Its message.
    """

    cause: str


class VolumeView:
    """One container's view of the volume, shared by all inputs that it works on at once."""

    def __init__(
        self, mounted: MountedVolume, volume: Volume, stop_fetching_inputs: Callable[[], None]
    ) -> None:
        """Create the view.

        Args:
            mounted: Reloads and commits.
            volume: The folder where it is mounted.
            stop_fetching_inputs: Makes this container end after its current inputs, so that Modal
                starts another one.
        """
        self.volume = volume
        self.stop_fetching_inputs = stop_fetching_inputs
        self._mounted = mounted
        self._reload_token: str | None = None
        self._active_inputs = 0
        self._is_exclusive = False
        self._change = threading.Condition()

    @contextmanager
    def reloaded(self, reload_token: str, *, exclusive: bool = False) -> Iterator[Volume]:
        """Work on a view that shows every commit made before the token was drawn.

        Reloads once per token, not once per shard, and only while no other input is active here,
        because Modal refuses a reload while files are open.

        Args:
            reload_token: A random token. A container that receives a new one reloads the volume.
            exclusive: Keep all other inputs out until this one is done.
        """
        with self._change:
            while self._active_inputs and (
                exclusive or self._is_exclusive or reload_token != self._reload_token
            ):
                self._change.wait()
            if reload_token != self._reload_token:
                _retry_while_files_are_open(self._mounted.reload)
                self._reload_token = reload_token
            self._active_inputs += 1
            self._is_exclusive = exclusive
        try:
            yield self.volume
        finally:
            with self._change:
                self._active_inputs -= 1
                self._change.notify_all()

    def commit(self) -> None:
        """Commit what was written here.

        Modal reloads after a commit, which may meet files that another input has open.
        """
        _retry_while_files_are_open(self._mounted.commit)


def _retry_while_files_are_open(change: Callable[[], None]) -> None:
    deadline = time.monotonic() + _RETRY_FOR_S
    while True:
        try:
            return change()
        except RuntimeError as error:
            if _OPEN_FILES not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def make_shard(view: VolumeView, reload_token: str, make: Make, spec: ShardSpec) -> ShardResult:
    """Make one shard in a container and commit it.

    Raises:
        ShardError: Anything that a retry may fix.
    """
    try:
        try:
            return _make_and_commit(view, reload_token, make, spec)
        except (BadInputError, ShardError):
            # The commit of another input shows an empty volume for a moment, and may drop files
            # that are not committed yet. Neither is this shard's fault: retry once with no other
            # input active.
            return _make_and_commit(view, reload_token, make, spec, exclusive=True)
    except (BadInputError, UnusableVolumeError, OutageError) as error:
        # A retry would fail the same way.
        is_fatal = not isinstance(error, BadInputError)
        return ShardResult(None, str(error), fatal=is_fatal, may_pass=error.may_pass)
    except ShardError:
        raise
    except WikiEmbeddingsError as error:
        if isinstance(error, BrokenDeviceError):
            # It fails every input at once, so Modal would keep sending it more.
            view.stop_fetching_inputs()
        # Its message says all; its cause may be of a class that the driver cannot unpickle.
        raise ShardError(str(error), may_pass=error.may_pass) from None
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        # The traceback, with its causes, travels as text, which any machine can unpickle.
        raise ShardError(cause, traceback.format_exc()) from None


def _make_and_commit(
    view: VolumeView, reload_token: str, make: Make, spec: ShardSpec, *, exclusive: bool = False
) -> ShardResult:
    with view.reloaded(reload_token, exclusive=exclusive) as volume:
        # Progress within a shard does not cross the network: shards are small enough to count.
        report = make(spec, volume, lambda _units: None)
        view.commit()
        _require_committed(volume, spec, report)
    return ShardResult(report)


def _require_committed(volume: Volume, spec: ShardSpec, report: Report) -> None:
    """Make sure that a commit has kept the shard.

    The reload after another input's commit may drop what this one has written but not committed
    yet; its own commit then commits nothing.

    Raises:
        ShardError: The shard is gone; a retry makes it again.
    """
    path = volume.path(spec.folder) / spec.name
    if not path.is_file() or path.stat().st_size != report.file.bytes:
        raise ShardError(f"{path} is missing after its commit.")


def call_on_volume(
    view: VolumeView,
    reload_token: str,
    function: Callable[..., ResultT],
    *args: Any,
    commit: bool = False,
    **kwargs: Any,
) -> ResultT | Refusal:
    """Call a function that reads the volume; with `commit`, one that changes it."""
    with view.reloaded(reload_token) as volume:
        try:
            return catch_refusal(function, volume, *args, **kwargs)
        finally:
            if commit:  # also what was done before an error
                view.commit()


def catch_refusal(function: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT | Refusal:
    """Call a function; return a `BadInputError` as a `Refusal`."""
    try:
        return function(*args, **kwargs)
    except BadInputError as error:
        return Refusal(str(error))
