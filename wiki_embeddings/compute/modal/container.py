"""What happens around a stage inside a Modal container: see what is new, make a shard, commit it.

A container sees the volume as it was when it started, until it reloads; what it writes is seen by
nobody else until it commits. The stages know nothing of that.
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from wiki_embeddings.errors import BadInputError, BrokenDeviceError, WikiEmbeddingsError
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import Report, ShardSpec
from wiki_embeddings.volume import UnusableVolumeError, Volume

ResultT = TypeVar("ResultT")

_OPEN_FILES = "open files"
"""In the message of a refusal to change what a container sees while it has files open there."""

_PATIENCE_S = 120.0
"""Files are open while a shard is read or written: seconds. More than this is a fault."""


class MountedVolume(Protocol):
    """What is asked of a `modal.Volume` inside a container."""

    def reload(self) -> None:
        """Show what others have committed."""

    def commit(self) -> None:
        """Let others see what was written here."""


class ShardError(Exception):
    """A shard went wrong in a way that another try may mend; Modal tries it again.

    Attributes:
        cause: One sentence.
        detail: The traceback in the container.
    """

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail


@dataclass(frozen=True)
class ShardResult:
    """What came of a shard.

    Attributes:
        report: The stage's report; None where the shard can never be made.
        cause: Why not, for people; empty where it was made.
        fatal: Whether every other shard would fail alike.
        container: Which container made it.
    """

    report: Report | None
    cause: str = ""
    fatal: bool = False
    container: str = ""


@dataclass(frozen=True)
class Refusal:
    """An answer that can never be given; returned, because Modal tries again what is raised.

    Attributes:
        cause: Why not, for people.
    """

    cause: str


class VolumeView:
    """What one container sees of the volume; used by all its inputs at once."""

    def __init__(self, mounted: MountedVolume, volume: Volume, leave: Callable[[], None]) -> None:
        """Takes the volume as it is mounted.

        Args:
            mounted: Reloads and commits.
            volume: The folder where it is mounted.
            leave: Makes this container take nothing more and end, so that another one starts.
        """
        self.volume = volume
        self.leave = leave
        self._mounted = mounted
        self._moment: str | None = None
        self._at_work = 0
        self._alone = False
        self._change = threading.Condition()

    @contextmanager
    def as_of(self, reload_token: str, *, alone: bool = False) -> Iterator[Volume]:
        """See at least what had been committed at a moment, and work on that.

        Reloads once a moment, not once a shard, and only while nothing else here is at work,
        because a reload is refused while files are open.

        Args:
            reload_token: A random token. A container that receives a new one reloads the volume,
                so it sees every commit made before.
            alone: Whether nothing else here may be at work meanwhile.
        """
        with self._change:
            while self._at_work and (alone or self._alone or reload_token != self._moment):
                self._change.wait()
            if reload_token != self._moment:
                _once_files_rest(self._mounted.reload)
                self._moment = reload_token
            self._at_work += 1
            self._alone = alone
        try:
            yield self.volume
        finally:
            with self._change:
                self._at_work -= 1
                self._change.notify_all()

    def commit(self) -> None:
        """Let others see what was written here.

        A commit is followed by a reload, which may meet files that another input has open.
        """
        _once_files_rest(self._mounted.commit)


def _once_files_rest(change: Callable[[], None]) -> None:
    """Repeat a change of the view until no input has files open."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return change()
        except RuntimeError as error:
            if _OPEN_FILES not in str(error) or time.monotonic() > give_up_at:
                raise
        time.sleep(0.1)


def make_shard(
    view: VolumeView,
    reload_token: str,
    make: Callable[[Any, Volume, Progress], Report],
    spec: ShardSpec,
) -> ShardResult:
    """Make one shard in a container and commit it.

    Raises:
        ShardError: Something unforeseen happened; worth another try.
    """
    container = os.environ.get("MODAL_TASK_ID", "")
    try:
        try:
            report = _made(view, reload_token, make, spec)
        except (BadInputError, ShardError):
            # A commit of another input shows an empty volume for a moment, and may drop what was
            # not committed yet: neither must be held against this shard.
            report = _made(view, reload_token, make, spec, alone=True)
    except (BadInputError, UnusableVolumeError) as error:  # no better the second time
        fatal = isinstance(error, UnusableVolumeError)
        return ShardResult(None, str(error), fatal, container)
    except ShardError:
        raise
    except BrokenDeviceError as error:
        # Fails at once whatever it is given next, and so would be given ever more.
        view.leave()
        raise ShardError(str(error), "") from None
    except WikiEmbeddingsError as error:
        raise ShardError(str(error), "") from None
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise ShardError(cause, traceback.format_exc()) from None
    return ShardResult(report, container=container)


def _made(
    view: VolumeView,
    reload_token: str,
    make: Callable[[Any, Volume, Progress], Report],
    spec: ShardSpec,
    *,
    alone: bool = False,
) -> Report:
    """Make one shard and commit it, in company or alone."""
    with view.as_of(reload_token, alone=alone) as volume:
        report = make(spec, volume, _unheard)
        view.commit()
        _refuse_missing(volume, spec, report)
    return report


def _refuse_missing(volume: Volume, spec: ShardSpec, report: Report) -> None:
    """Make sure that what was committed is there.

    Modal may reload after a commit, and need not keep then what another input of this container has
    written but not committed yet; that input's own commit would commit nothing.

    Raises:
        ShardError: The shard is gone; making it again mends that.
    """
    path = volume.path(spec.folder) / spec.name
    if not path.is_file() or path.stat().st_size != report.file.bytes:
        raise ShardError(f"{path} was not there after it had been committed.", "")


def look_up(
    view: VolumeView, reload_token: str, function: Callable[..., ResultT], *args: Any, **kwargs: Any
) -> ResultT | Refusal:
    """Call a function that only reads the volume."""
    with view.as_of(reload_token) as volume:
        return or_refused(function, volume, *args, **kwargs)


def or_refused(function: Callable[..., ResultT], *args: Any, **kwargs: Any) -> ResultT | Refusal:
    """Call a function; what it refuses for good is returned."""
    try:
        return function(*args, **kwargs)
    except BadInputError as error:
        return Refusal(str(error))


def _unheard(_: int) -> None:
    """Progress within a shard is not told over the network: shards are small enough to count."""
