"""The progress of a stage in numbers, for a progress bar in a terminal or the log of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from wiki_embeddings.compute.protocol import Event, Finished, Progressed, Usage
from wiki_embeddings.host import duration

if TYPE_CHECKING:
    from wiki_embeddings.manifest import Statistic
    from wiki_embeddings.stages.shard import Plan, Report, SpecT


@dataclass(frozen=True)
class StageProgress:
    """The progress of one stage at one moment.

    Attributes:
        stage: The stage's name.
        folder: Reference of its output folder.
        unit: What `done` and `total` count, in the plural.
        done: Units of work done, by this run and earlier ones.
        reused: Units of `done` that earlier runs did.
        total: Units of work in all.
        shards_done: Finished shards.
        shards_total: Shards in all.
        seconds: Wall time since the stage began.
        characters: Characters in the shards that this run finished.
        tokens: Tokens in the shards that this run finished; 0 for a stage without tokens.
        shard_s: Seconds that the shards took which this run finished, added up.
        usage: Containers in use and their cost; None where nothing is paid for.
    """

    stage: str
    folder: str
    unit: str
    done: int
    reused: int
    total: int
    shards_done: int
    shards_total: int
    seconds: float
    characters: int = 0
    tokens: int = 0
    shard_s: float = 0.0
    usage: Usage | None = None

    @property
    def is_finished(self) -> bool:
        """True if no shard is left."""
        return self.shards_done == self.shards_total

    @property
    def rate(self) -> float:
        """Units a second that this run does itself."""
        return (self.done - self.reused) / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds left at this rate; None while the rate is zero."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    @property
    def throughput(self) -> dict[str, float]:
        """Characters and tokens a second of the shards that this run finished, if any."""
        counts = {"characters": self.characters, "tokens": self.tokens}
        return {name: count / self.seconds for name, count in counts.items() if count}

    def line(self) -> str:
        """Format one line for a log."""
        kept = f" ({self.reused:,} kept from before)" if self.reused else ""
        if self.is_finished and self.reused == self.total:
            kept = ", all kept from before"
        return (
            f"{self.stage}: {self.done:,} of {self.total:,} {self.unit}{kept}, "
            f"{self.shards_done:,} of {self.shards_total:,} shards{self._pace()}"
            f"{_cost(self.usage)}"
        )

    def _pace(self) -> str:
        """Say how fast it goes and how long it takes, once this run has made something itself."""
        so_far = duration(self.seconds)
        if self.rate <= 0:
            return "" if self.is_finished else f", none of them new after {so_far}"
        rates = [f"{self.rate:,.0f} {self.unit}/s"]
        rates += [f"{rate:,.0f} {name}/s" for name, rate in self.throughput.items()]
        if self.is_finished or self.eta_s is None:
            return f" in {so_far}, {', '.join(rates)}"
        return f", {', '.join(rates)}, {so_far} so far, about {duration(self.eta_s)} to go"


def _cost(usage: Usage | None) -> str:
    if usage is None:
        return ""
    kind = f"{usage.gpu} containers" if usage.gpu else "containers"
    seconds = f"{usage.container_s:,.0f} {'GPU' if usage.gpu else 'container'}-seconds"
    price = "at a price that is not known" if usage.dollars is None else f"${usage.dollars:,.3f}"
    in_use = f"{usage.containers} of {usage.most_containers} {kind} in use"
    return f"; {in_use}, {seconds}, {price} so far; {usage.url}"


Listener: TypeAlias = Callable[[StageProgress], None]
"""Receives the progress of a stage, several times a second."""


def silent(_: StageProgress) -> None:
    """A listener that shows nothing."""


def throttled(listener: Listener, every_s: float, *, from_start: bool = True) -> Listener:
    """Wrap a listener so that it is called at most once in `every_s` seconds, and at the end.

    Args:
        listener: The listener.
        every_s: Seconds between two calls.
        from_start: True to pass on the first progress at once, False to wait `every_s` first.
    """
    called_at = None if from_start else time.monotonic()

    def listen(progress: StageProgress) -> None:
        nonlocal called_at
        now = time.monotonic()
        if called_at is None or progress.is_finished or now - called_at >= every_s:
            called_at = now
            listener(progress)

    return listen


class ProgressCounter:
    """Adds up the events of a map."""

    def __init__(self, plan: Plan[SpecT]) -> None:
        self._stage = plan.stage
        self._folder = plan.folder
        self._unit = plan.unit
        self._units = [spec.units for spec in plan.specs]
        self._done = [0] * len(self._units)
        self._reports: dict[int, Report] = {}
        self._usage: Usage | None = None
        self._started = time.monotonic()

    def count(self, event: Event) -> None:
        """Count one event."""
        if isinstance(event, Progressed):
            # A shard that is retried reports the same units again.
            done = self._done[event.shard] + event.units
            self._done[event.shard] = min(done, self._units[event.shard])
        if isinstance(event, Finished):
            self._done[event.shard] = self._units[event.shard]
            self._reports[event.shard] = event.report
        if isinstance(event, Usage):
            self._usage = event

    @property
    def reports(self) -> list[Report]:
        """The reports of all finished shards, in the plan's order."""
        return [self._reports[shard] for shard in sorted(self._reports)]

    def progress(self) -> StageProgress:
        """The progress of the map now."""
        reused = (shard for shard, report in self._reports.items() if report.reused)
        made = [report for report in self._reports.values() if not report.reused]
        stats = [report.file.stats for report in made]
        return StageProgress(
            stage=self._stage,
            folder=self._folder,
            unit=self._unit,
            done=sum(self._done),
            reused=sum(self._units[shard] for shard in reused),
            total=sum(self._units),
            shards_done=len(self._reports),
            shards_total=len(self._units),
            seconds=time.monotonic() - self._started,
            characters=_total(stats, "characters"),
            tokens=_total(stats, "tokens"),
            shard_s=sum(report.seconds for report in made),
            usage=self._usage,
        )


def _total(stats: Sequence[Mapping[str, Statistic]], name: str) -> int:
    return sum(value for one in stats if isinstance(value := one.get(name, 0), int))
