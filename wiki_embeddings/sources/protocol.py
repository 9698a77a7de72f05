"""What every source of articles offers: a plan of parts, and a way to open one part.

A part is the unit of fetching. It is planned where the plan is made (cheap: names and sizes) and
opened where the work is done (a worker process or a container), so it is a small frozen dataclass
of the source's own that holds references, never text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import pyarrow as pa

PartT = TypeVar("PartT")

Progress = Callable[[int], None]
"""Called with the number of units (bytes, articles, chunks) finished since the last call."""


@dataclass(frozen=True)
class SourcePlan(Generic[PartT]):
    """What to fetch for one wiki.

    Attributes:
        snapshot: The edition's date or version, such as `20231101`, as people name it.
        settings: Everything that decides the rows: source, revision, fraction. JSON values.
        parts: The parts, in the order in which they are numbered.
    """

    snapshot: str
    settings: Mapping[str, str | int | float]
    parts: tuple[PartT, ...]


@dataclass(frozen=True)
class OpenedPart:
    """One part, ready to be read once.

    Attributes:
        rows: Number of articles that `batches` will yield.
        batches: Record batches of `schemas.RAW_SCHEMA`; page ids ascend strictly over all of them.
    """

    rows: int
    batches: Iterator[pa.RecordBatch]
