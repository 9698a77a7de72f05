"""What every source of articles offers: a plan of parts, and a way to open one part.

A part is the unit of fetching. It is planned in the process that drives the run (cheap: names and
sizes) and opened where the work is done (a worker process or a container), so it is a small frozen
dataclass of references that the source defines, never text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa  # slow to import, and planning does without it

Progress = Callable[[int], None]
"""Called with the number of units (bytes, articles, chunks) finished since the last call."""


class Part(Protocol):
    """One part of a source, small enough to travel in a spec."""

    @property
    def units(self) -> int:
        """Amount of work, in the source's unit; decides only the order and the progress shown."""


PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True)
class SourcePlan(Generic[PartT]):
    """What to fetch for one wiki.

    Attributes:
        snapshot: Date or version of the edition, such as `20231101`.
        settings: Everything that decides the rows: source, revision, fraction. JSON values.
        parts: The parts, in the order in which they are numbered.
        articles: Articles of all parts together, if the source counts them.
    """

    snapshot: str
    settings: Mapping[str, str | int | float]
    parts: tuple[PartT, ...]
    articles: int | None = None


@dataclass(frozen=True)
class OpenedPart:
    """One part, ready to be read once.

    Attributes:
        rows: Number of articles that `batches` will yield.
        batches: Record batches of `schemas.RAW_SCHEMA`; page ids ascend strictly over all of them.
    """

    rows: int
    batches: Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class Source(Generic[PartT]):
    """One origin of articles: a row of `registry.SOURCES`.

    Attributes:
        serves: Takes a wiki and a snapshot; True if they come from this source.
        plan: Takes a wiki, a snapshot and a fraction; returns what to fetch. Raises
            `BadInputError` for what does not exist, `WikiEmbeddingsError` if the source cannot be
            reached.
        part_type: Class of its parts, and of no other source's.
        open_part: Fetches a part if it is not on this machine, and opens it. Downloads stay in the
            scratch folder; progress adds up to `part.units`. Raises `BadInputError` for a corrupt
            part, `WikiEmbeddingsError` if it cannot be fetched now.
        discard: Removes all that fetching a part left in the scratch folder, if anything.
        unit: What `Part.units` counts, in the plural.
        bound_by: What limits one part: a processor core, the whole machine or the network.
    """

    serves: Callable[[str, str], bool]
    plan: Callable[[str, str, float], SourcePlan[PartT]]
    part_type: type[PartT]
    open_part: Callable[[PartT, Path, Progress], OpenedPart]
    discard: Callable[[PartT, Path], None]
    unit: str
    bound_by: Literal["core", "machine", "network"]


def check_fraction(fraction: float) -> None:
    """Check the share of the articles to keep.

    Raises:
        BadInputError: It is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise BadInputError(f"fraction is {fraction}; choose one above 0 and at most 1.")
