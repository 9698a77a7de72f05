"""Progress bars in the terminal: one a stage, for whoever waits at a prompt."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from wiki_embeddings.host import duration
from wiki_embeddings.progress import Snapshot
from wiki_embeddings.volume import MiB


class Bars:
    """Shows a bar for each stage that it hears of; a `Listener` and a context manager."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<11}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[pace]}", style="dim"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def __call__(self, snapshot: Snapshot) -> None:
        """Move the bar of the snapshot's stage."""
        if snapshot.stage not in self._tasks:
            self._tasks[snapshot.stage] = self._progress.add_task(
                snapshot.stage, total=snapshot.total, count="", pace=""
            )
        self._progress.update(
            self._tasks[snapshot.stage],
            completed=snapshot.done,
            count=f"{_amount(snapshot.done, snapshot.unit)} of "
            f"{_amount(snapshot.total, snapshot.unit)} {_unit(snapshot.unit)}, "
            f"{snapshot.shards_done}/{snapshot.shards_total} shards",
            pace=_pace(snapshot),
        )


def _pace(snapshot: Snapshot) -> str:
    if snapshot.shards_done == snapshot.shards_total:
        kept = " (kept from an earlier run)" if snapshot.reused == snapshot.total else ""
        return f"in {duration(snapshot.seconds)}{kept}"
    usage = snapshot.usage
    spent = f", {usage.containers} containers, ${usage.dollars:,.2f}" if usage else ""
    if snapshot.eta_s is None:
        return spent.removeprefix(", ")
    rate = f"{_amount(snapshot.rate, snapshot.unit)} {_unit(snapshot.unit)}/s"
    return f"{rate}, {duration(snapshot.eta_s)} to go{spent}"


def _amount(units: float, unit: str) -> str:
    return f"{units / MiB:,.1f}" if unit == "bytes" else f"{units:,.0f}"


def _unit(unit: str) -> str:
    return "MiB" if unit == "bytes" else unit
