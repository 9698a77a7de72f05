"""What an asset may ask of a compute."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from wiki_embeddings.encoders.protocol import EncoderInfo
from wiki_embeddings.stages.shard import Plan, Report, ShardSpec, SpecT
from wiki_embeddings.volume import Files, Volume

ArgumentsT = ParamSpec("ArgumentsT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Advanced:
    """A shard under way has come further.

    Attributes:
        shard: Its place in the plan.
        units: Units of work done since the last word of it.
    """

    shard: int
    units: int


@dataclass(frozen=True)
class Finished:
    """A shard is finished.

    Attributes:
        shard: Its place in the plan.
        report: What came of it.
    """

    shard: int
    report: Report


@dataclass(frozen=True)
class Failed:
    """A shard has failed for good.

    Attributes:
        shard: Its place in the plan.
        cause: One or two sentences for people.
        detail: Traceback for whoever mends it; empty where the cause says all.
        fatal: Whether every other shard would fail alike, as on a full disk.
    """

    shard: int
    cause: str
    detail: str
    fatal: bool


@dataclass(frozen=True)
class Usage:
    """What a map takes of a cloud, so far.

    Attributes:
        containers: Containers in use now.
        gpu: Their GPU type; empty without one.
        container_s: Seconds of all containers added up, idle ones included.
        dollars: What they cost.
        url: Where people watch the call.
    """

    containers: int
    gpu: str
    container_s: float
    dollars: float
    url: str


Event: TypeAlias = Advanced | Finished | Failed | Usage


@dataclass(frozen=True)
class ContainerOptions:
    """The containers that a map may use in a cloud; the local machine has what it has.

    Attributes:
        containers: Most containers at once.
        deadline_s: Seconds without any shard finished after which the map is given up.
        engine: What computes the vectors, which decides the kind of container.
        gpu: GPU type of each container that computes vectors.
        inputs_per_container: Shards that such a container has in hand at once, so that one is read
            or written while another is computed.
    """

    containers: int = 50
    deadline_s: float = 1800.0
    engine: str = "auto"
    gpu: str = "A10G"
    inputs_per_container: int = 2


class Compute(Protocol):
    """Runs stages over one volume."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def files(self) -> Files:
        """The volume's small files, such as manifests."""

    @property
    def folder(self) -> Path | None:
        """The volume's folder on this machine; None when it lies elsewhere."""

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan, several at a time; events come in any order.

        Ends when each shard has either finished or failed, or early after a hopeless failure.
        Closing the generator stops what is still running; finished shards stay.
        """

    def command(self, words: Sequence[str]) -> str:
        """A command line that runs where this compute is.

        Args:
            words: Command and arguments that do not depend on the compute.
        """

    def describe(
        self, model: str, revision: str | None, engine: str, precision: str | None = None
    ) -> EncoderInfo:
        """What an encoder would be where `map` runs, as `encoders.describe` says it there.

        Raises:
            BadInputError: The model, the engine or the precision is not one that runs there.
            WikiEmbeddingsError: The model cannot be fetched now.
        """

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function of a stage that reads the volume, and wait for its (small) result.

        Raises:
            WikiEmbeddingsError: As the function does.
        """

    def call_hub(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """The same for a function that talks with the Hub, which may ask to be left alone for long.

        Raises:
            WikiEmbeddingsError: As the function does.
        """


def largest_first(specs: Sequence[ShardSpec]) -> list[int]:
    """Order in which to hand out shards, so that no long one is left to the end."""
    return sorted(range(len(specs)), key=lambda shard: (-specs[shard].units, shard))
