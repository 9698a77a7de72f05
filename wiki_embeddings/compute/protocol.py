"""What an asset may ask of a compute."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from wiki_embeddings.stages.shard import Plan, Report, ShardSpec, SpecT
from wiki_embeddings.volume import Volume

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
        hopeless: Whether every other shard would fail alike, as on a full disk.
    """

    shard: int
    cause: str
    detail: str
    hopeless: bool


Event: TypeAlias = Advanced | Finished | Failed


class Compute(Protocol):
    """Runs stages over one volume."""

    @property
    def name(self) -> str:
        """What people call it."""

    def map(self, plan: Plan[SpecT]) -> Generator[Event]:
        """Make all shards of a plan, several at a time; events come in any order.

        Ends when each shard has either finished or failed, or early after a hopeless failure.
        Closing the generator stops what is still running; finished shards stay.
        """

    def where(self, reference: str) -> str:
        """Where people find a file or folder of the volume."""

    def call(
        self,
        function: Callable[Concatenate[Volume, ArgumentsT], ResultT],
        *args: ArgumentsT.args,
        **kwargs: ArgumentsT.kwargs,
    ) -> ResultT:
        """Call a function of a stage where the volume is, and wait for its (small) result."""


def largest_first(specs: Sequence[ShardSpec]) -> list[int]:
    """Order in which to hand out shards, so that no long one is left to the end."""
    return sorted(range(len(specs)), key=lambda shard: (-specs[shard].units, shard))
