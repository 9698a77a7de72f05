"""What an asset may ask of a compute.

Dagster loads this module, so what only annotations need (NumPy, Arrow) is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from wiki_embeddings.volume import Files, Volume

if TYPE_CHECKING:
    from wiki_embeddings.encoders.protocol import EncoderInfo
    from wiki_embeddings.stages.shard import Plan, Report, ShardSpec, SpecT

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Progressed:
    """Some more of a shard is done.

    Attributes:
        shard: Index of the shard in the plan.
        units: Units of work done since the last event.
    """

    shard: int
    units: int


@dataclass(frozen=True)
class Finished:
    """A shard is finished.

    Attributes:
        shard: Index of the shard in the plan.
        report: The stage's report of it.
    """

    shard: int
    report: Report


@dataclass(frozen=True)
class Failed:
    """A shard has failed and will not be tried again.

    Attributes:
        shard: Index of the shard in the plan.
        cause: One or two sentences for people.
        detail: A traceback for developers; empty if the cause says it all.
        fatal: True if every other shard would fail in the same way, as on a full disk.
        may_pass: True if a later run may make it without anybody's doing.
    """

    shard: int
    cause: str
    detail: str = ""
    fatal: bool = False
    may_pass: bool = False


@dataclass(frozen=True)
class Usage:
    """What a map has used of the cloud so far.

    Attributes:
        containers: Containers in use now.
        most_containers: Containers that it may use; a workspace's plan may give fewer.
        gpu: Their GPU type; empty without one.
        container_s: Seconds summed over all containers, idle ones included.
        dollars: Price of these seconds; None for a GPU whose price is not known.
        url: Dashboard page of the map.
    """

    containers: int
    most_containers: int
    gpu: str
    container_s: float
    dollars: float | None
    url: str


Event: TypeAlias = Progressed | Finished | Failed | Usage


@dataclass(frozen=True)
class ContainerOptions:
    """The containers that a map may use in the cloud; the local compute ignores them.

    Attributes:
        containers: Most containers at once.
        deadline_s: Seconds without any finished shard, from the first container on, after which the
            map is cancelled.
        queue_s: Seconds without a first container after which it is cancelled.
        engine: The encoder engine, which decides the kind of container.
        gpu: GPU type of each container that computes vectors.
        inputs_per_container: Shards that such a container works on at once, so that it reads or
            writes one while it computes another.
    """

    containers: int = 50
    deadline_s: float = 1800.0
    queue_s: float = 4 * 3600.0
    engine: str = "auto"
    gpu: str = "A10"
    inputs_per_container: int = 2


class Compute(Protocol):
    """Runs stages over one volume."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def files(self) -> Files:
        """The volume's small files, such as manifests."""

    @property
    def folder(self) -> Path | None:
        """The volume's folder on this machine; None if the volume is elsewhere."""

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan, several at a time; events come in any order.

        Ends when each shard has finished or failed, or early after a fatal failure. Closing the
        generator stops the shards in progress; finished shards stay.
        """

    def command(self, arguments: Sequence[str]) -> str:
        """Return a shell command line that runs on this compute, with what its run was asked.

        Args:
            arguments: Command and arguments that do not depend on the compute.
        """

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """Describe the encoder that `map` would use; see `encoders.describe`.

        Raises:
            BadInputError: The compute cannot run this model, engine or precision.
            WikiEmbeddingsError: The model cannot be fetched now.
        """

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function that reads the volume, and wait for its (small) result.

        The function may talk to the Hub, and may wait for it as long as its rate limits ask.

        Raises:
            WikiEmbeddingsError: Raised by the function.
        """

    def call_once(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """As `call`, for a question that has the same answer throughout a run.

        It may be asked only once in a run, so its arguments are hashable.
        """

    def change(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """As `call`, for a function that writes to the volume or removes something from it."""


def with_options(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """Add options to a command line, without those that it has already.

    Args:
        arguments: Command and arguments.
        options: Names of options, each followed by its value.
    """
    pairs = zip(options[::2], options[1::2], strict=True)
    return [*arguments, *(word for pair in pairs if pair[0] not in arguments for word in pair)]


def largest_first(specs: Sequence[ShardSpec]) -> list[int]:
    """Return indices of shards, largest first, so that no long one is left for the end."""
    return sorted(range(len(specs)), key=lambda shard: (-specs[shard].units, shard))
