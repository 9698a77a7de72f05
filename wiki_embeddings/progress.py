"""How far a stage has come, as numbers for whoever shows them: a terminal's bar, a run's log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wiki_embeddings.compute.protocol import Event, Finished, Progressed, Usage
from wiki_embeddings.host import duration
from wiki_embeddings.manifest import Statistic
from wiki_embeddings.stages.shard import Plan, Report, SpecT


@dataclass(frozen=True)
class Snapshot:
    """How far one stage has come at one moment.

    Attributes:
        stage: The stage's name.
        unit: What `done` and `total` count, in the plural.
        done: Units of work done, also by earlier runs.
        reused: Of these, the units that earlier runs had done.
        total: Units of work in all.
        shards_done: Shards finished.
        shards_total: Shards in all.
        seconds: Wall time since the stage began.
        characters: Characters in the shards that this run has finished.
        tokens: Tokens in these shards; 0 where the stage counts none.
        usage: What it takes of a cloud; None where nothing is paid for.
    """

    stage: str
    unit: str
    done: int
    reused: int
    total: int
    shards_done: int
    shards_total: int
    seconds: float
    characters: int = 0
    tokens: int = 0
    usage: Usage | None = None

    @property
    def rate(self) -> float:
        """Units a second that this run does itself."""
        return (self.done - self.reused) / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds still to go at this rate; None while no rate is known."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    def line(self) -> str:
        """One line for a log."""
        eta = "unknown" if self.eta_s is None else duration(self.eta_s)
        rates = [f"{self.rate:,.0f} {self.unit}/s"]
        rates += [f"{rate:,.0f} {name}/s" for name, rate in self.throughput.items()]
        return (
            f"{self.stage}: {self.done:,} of {self.total:,} {self.unit}, "
            f"{self.shards_done:,} of {self.shards_total:,} shards, "
            f"{', '.join(rates)}, ETA {eta}{_spent(self.usage)}"
        )

    @property
    def throughput(self) -> dict[str, float]:
        """Characters and tokens a second of the shards that this run has finished, if any."""
        counts = {"characters": self.characters, "tokens": self.tokens}
        return {name: count / self.seconds for name, count in counts.items() if count}


def _spent(usage: Usage | None) -> str:
    if usage is None:
        return ""
    kind = f"{usage.gpu} containers" if usage.gpu else "containers"
    seconds = f"{usage.container_s:,.0f} {'GPU' if usage.gpu else 'container'}-seconds"
    spent = f"{usage.containers} {kind} in use, {seconds}, ${usage.dollars:,.3f} so far"
    return f"; {spent}; {usage.url}"


Listener: TypeAlias = Callable[[Snapshot], None]
"""Whoever is told of progress."""


def silent(_: Snapshot) -> None:
    """A listener that shows nothing."""


def throttled(listener: Listener, every_s: float, *, from_start: bool = True) -> Listener:
    """Pass on at most one snapshot in `every_s` seconds, the first of them too, and the last.

    Args:
        listener: Told of them.
        every_s: Seconds between two of them.
        from_start: Whether to begin with the first one; else `every_s` after it was made.
    """
    told_at = None if from_start else time.monotonic()

    def listen(snapshot: Snapshot) -> None:
        nonlocal told_at
        now = time.monotonic()
        finished = snapshot.shards_done == snapshot.shards_total
        if told_at is None or finished or now - told_at >= every_s:
            told_at = now
            listener(snapshot)

    return listen


class Tally:
    """Adds up the events of a map."""

    def __init__(self, plan: Plan[SpecT]) -> None:
        self._stage = plan.stage
        self._unit = plan.unit
        self._units = [spec.units for spec in plan.specs]
        self._done = [0] * len(self._units)
        self._reports: dict[int, Report] = {}
        self._usage: Usage | None = None
        self._started = time.monotonic()

    def count(self, event: Event) -> None:
        """Take note of one event."""
        if isinstance(event, Progressed):
            # A shard that is tried again tells of the same units twice.
            come = self._done[event.shard] + event.units
            self._done[event.shard] = min(come, self._units[event.shard])
        if isinstance(event, Finished):
            self._done[event.shard] = self._units[event.shard]
            self._reports[event.shard] = event.report
        if isinstance(event, Usage):
            self._usage = event

    @property
    def reports(self) -> list[Report]:
        """The reports of all finished shards, in the plan's order."""
        return [self._reports[shard] for shard in sorted(self._reports)]

    def snapshot(self) -> Snapshot:
        """How far the map has come now."""
        reused = (s for s, report in self._reports.items() if report.reused)
        made = [report.file.stats for report in self._reports.values() if not report.reused]
        return Snapshot(
            stage=self._stage,
            unit=self._unit,
            done=sum(self._done),
            reused=sum(self._units[shard] for shard in reused),
            total=sum(self._units),
            shards_done=len(self._reports),
            shards_total=len(self._units),
            seconds=time.monotonic() - self._started,
            characters=_total(made, "characters"),
            tokens=_total(made, "tokens"),
            usage=self._usage,
        )


def _total(stats: Sequence[Mapping[str, Statistic]], name: str) -> int:
    return sum(value for one in stats if isinstance(value := one.get(name, 0), int))
