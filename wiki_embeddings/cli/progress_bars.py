"""Progress bars in the terminal, one a stage."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column

from wiki_embeddings.host import duration
from wiki_embeddings.progress import StageProgress
from wiki_embeddings.volume import MiB

_WIDE = 80
"""Columns of a terminal with room for bars; in a narrower one there are only texts, which wrap."""


class ProgressBars:
    """Shows a bar for each stage that reports progress; a `Listener` and a context manager."""

    def __init__(self, console: Console) -> None:
        bar = [BarColumn(bar_width=24)] if console.width >= _WIDE else []
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<11}"),
            *bar,
            TextColumn("{task.fields[count]}", table_column=Column()),
            TextColumn("{task.fields[pace]}", style="dim", table_column=Column()),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def __call__(self, progress: StageProgress) -> None:
        """Move the stage's bar."""
        if progress.stage not in self._tasks:
            self._bars.start()
            self._tasks[progress.stage] = self._bars.add_task(
                progress.stage, total=progress.total, count="", pace=""
            )
        unit = "MiB" if progress.unit == "bytes" else progress.unit
        self._bars.update(
            self._tasks[progress.stage],
            completed=progress.done,
            count=f"{_amount(progress.done, unit)} of {_amount(progress.total, unit)} {unit}, "
            f"{progress.shards_done}/{progress.shards_total} shards",
            pace=_pace(progress, unit),
        )


def _pace(progress: StageProgress, unit: str) -> str:
    if progress.is_finished:
        kept = " (kept from an earlier run)" if progress.reused == progress.total else ""
        return f"in {duration(progress.seconds)}{kept}"
    usage = progress.usage
    cost = f"{usage.containers} containers" if usage else ""
    if usage and usage.dollars is not None:
        cost += f", ${usage.dollars:,.2f}"
    if progress.eta_s is None:
        return cost
    pace = f"{_amount(progress.rate, unit)} {unit}/s, {duration(progress.eta_s)} to go"
    return f"{pace}, {cost}" if cost else pace


def _amount(units: float, unit: str) -> str:
    return f"{units / MiB:,.1f}" if unit == "MiB" else f"{units:,.0f}"
