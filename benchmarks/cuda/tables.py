"""The tables of the benchmark of the engine `cuda`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.cuda.agreement import Agreement
from benchmarks.cuda.chip import ChipRates
from benchmarks.cuda.first_vector import FirstVector
from benchmarks.cuda.ours import HostSeconds
from benchmarks.cuda.prediction import Prediction


@dataclass(frozen=True)
class Rate:
    """How fast one contestant is with one size of model.

    Attributes:
        model: The model, for the table.
        contestant: Name of the contestant.
        tokens_per_s: Tokens per second, including special tokens; None if it cannot run.
        flops_per_token: Operations per token.
        bytes_per_s: Bytes of written files per second; None if it writes none.
        note: Why it cannot run.
    """

    model: str
    contestant: str
    tokens_per_s: float | None
    flops_per_token: float
    bytes_per_s: float | None = None
    note: str = ""


def _table(title: str, text: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in text:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def chip_table(chip: ChipRates) -> Table:
    """Return the table of the device's own rates."""
    table = _table(f"What {chip.name} does", [""], [""])
    side = chip.matrix_side
    table.add_row(f"matrices of {side} × {side}", f"{chip.matrix_flops / 1e12:.2f} TFLOP/s")
    table.add_row("copying in its memory", f"{chip.copy_bytes / 1e9:,.0f} GB/s read and written")
    if chip.upload_bytes is not None:
        table.add_row("copying to it from pinned memory", f"{chip.upload_bytes / 1e9:,.1f} GB/s")
    return table


def agreement_table(agreements: Iterable[Agreement]) -> Table:
    """Return the table of our agreement with sentence-transformers in float32."""
    table = _table("Agreement", ["pooling", "texts"], ["number", "lowest cosine", ""])
    for found in agreements:
        verdict = "ok" if found.passes else "[bold red]TOO LOW"
        table.add_row(found.pooling, found.kind, f"{found.texts}", f"{found.lowest:.6f}", verdict)
    return table


def rate_table(rates: Sequence[Rate], device: str, matrix_flops: float) -> Table:
    """Return the table of rates. A ratio is our rate divided by that row's."""
    table = _table(
        f"Encoding on the {device}",
        ["model", ""],
        ["tokens/s", "ours is", "TFLOP/s", "of matrices", "MB/s written"],
    )
    ours = {rate.model: rate.tokens_per_s for rate in reversed(rates)}
    for rate in rates:
        if rate.tokens_per_s is None:
            table.add_row(rate.model, f"{rate.contestant}: {rate.note}")
            continue
        ratio = (ours[rate.model] or 0) / rate.tokens_per_s
        flops = rate.tokens_per_s * rate.flops_per_token
        table.add_row(
            rate.model,
            rate.contestant,
            f"{rate.tokens_per_s:,.0f}",
            f"{ratio:.2f}×",
            f"{flops / 1e12:.2f}",
            f"{flops / matrix_flops:.0%}",
            "" if rate.bytes_per_s is None else f"{rate.bytes_per_s / 1e6:,.2f}",
        )
    return table


def host_table(host: HostSeconds, tokens: float) -> Table:
    """Return the table of the processor's part, on one core."""
    table = _table("The processor's part alone, on one core", [""], ["tokens/s"])
    for name, seconds in (
        ("feeding the model and taking its vectors", host.feeding),
        ("from the shard read to the vectors written", host.through),
        ("the whole stage, with its checks of what was written", host.whole),
    ):
        table.add_row(name, f"{tokens / seconds:,.0f}")
    return table


def first_vector_line(first: FirstVector) -> str:
    """Return a sentence on the time of a new process."""
    return (
        f"A new process has its first vector after {first.total:.1f} s: importing "
        f"{first.importing:.1f} s, loading the model {first.loading:.1f} s, encoding "
        f"{first.encoding:.1f} s."
    )


def prediction_table(predictions: Iterable[Prediction], share: float, model: str) -> Table:
    """Return the table of predictions for the English Wikipedia."""
    table = _table(
        f"All of English Wikipedia with {model} at {share:.0%} of each GPU's datasheet",
        ["GPUs"],
        ["tokens/s of one", "minutes", "dollars"],
    )
    for found in predictions:
        table.add_row(
            f"{found.count} × {found.gpu}",
            f"{found.tokens_per_s:,.0f}",
            f"{found.seconds / 60:.1f}",
            f"{found.dollars:.2f}",
        )
    return table
