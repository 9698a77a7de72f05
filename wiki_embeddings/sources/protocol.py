"""What every source of articles offers: a plan of parts, and a way to open one part.

A part is the unit of fetching. It is planned in the process that drives the run (cheap: names and
sizes) and opened where the work is done (a worker process or a container), so it is a small frozen
dataclass of references that the source defines, never text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

from wiki_embeddings.errors import BadInputError

if TYPE_CHECKING:
    import pyarrow as pa  # slow to import, and planning does without it

Progress = Callable[[int], None]
"""Called with the number of units (bytes, articles, chunks) finished since the last call."""


BoundBy: TypeAlias = Literal["core", "machine", "network", "site"]
"""What limits the work on one part or shard: one processor core, the whole machine, the network, or
a site that allows few connections, however many processes or containers there are."""

SourceName: TypeAlias = Literal["auto", "dump", "hub"]
"""A source as a run names it; `auto` is the sample's dump for `sample`, else `dump`."""

WIKIMEDIA_WIKIPEDIA = "wikimedia/wikipedia"
"""Wikimedia's own dataset on the Hub, whose last edition is of November 2023."""


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
    settings: Mapping[str, str | int | float | None]
    parts: tuple[PartT, ...]
    articles: int | None = None


SOURCE_ARTICLES = "source_articles"
"""Name of the count of articles that a source has in a part, by its own count: a check compares it
with the rows that were written."""


@dataclass(frozen=True)
class OpenedPart:
    """One part, ready to be read once.

    Attributes:
        batches: Record batches of `schemas.RAW_SCHEMA`; page ids ascend strictly over all of them.
        statistics: Returns counts of the whole part, once all batches were read: `SOURCE_ARTICLES`,
            and what else the source counts. They add up over parts.
    """

    batches: Iterator[pa.RecordBatch]
    statistics: Callable[[], Mapping[str, int]]


@dataclass(frozen=True)
class ArticleSelection:
    """Which articles a run asks for.

    Attributes:
        wiki: `sample`, or the language code of a Wikipedia.
        source: Where they come from; `auto` leaves it to the wiki.
        snapshot: Date of the edition, such as `20261101`; None for the newest.
        fraction: Share of the articles to keep, above 0 and at most 1; for dry runs.
        hub_dataset: Dataset on the Hub, for the source `hub`.
        hub_revision: Its branch, tag or commit; None for the default of the source.
    """

    wiki: str
    source: SourceName = "auto"
    snapshot: str | None = None
    fraction: float = 1.0
    hub_dataset: str = WIKIMEDIA_WIKIPEDIA
    hub_revision: str | None = None


@dataclass(frozen=True)
class Source(Generic[PartT]):
    """One origin of articles: a row of `registry.SOURCES`.

    Attributes:
        serves: True if the articles of a selection come from this source.
        plan: Returns what to fetch for a selection. Raises `BadInputError` for what does not exist,
            `WikiEmbeddingsError` if the source cannot be reached.
        part_type: Class of its parts, and of no other source's.
        open_part: Fetches a part if it is not on this machine, and opens it. Downloads stay in the
            scratch folder; progress adds up to `part.units`. Raises `BadInputError` for a corrupt
            part, `WikiEmbeddingsError` if it cannot be fetched now.
        discard: Removes all that fetching a part left in the scratch folder, if anything.
        unit: What `Part.units` counts, in the plural.
        bound_by: What limits one part: a processor core, the whole machine, the network, or a site
            that allows few connections.
    """

    serves: Callable[[ArticleSelection], bool]
    plan: Callable[[ArticleSelection], SourcePlan[PartT]]
    part_type: type[PartT]
    open_part: Callable[[PartT, Path, Progress], OpenedPart]
    discard: Callable[[PartT, Path], None]
    unit: str
    bound_by: BoundBy


def check_fraction(fraction: float) -> None:
    """Check the share of the articles to keep.

    Raises:
        BadInputError: It is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise BadInputError(f"fraction is {fraction}; choose one above 0 and at most 1.")
