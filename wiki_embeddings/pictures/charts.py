"""Charts of a run: lengths of chunks, speed over time, where time and money went."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from wiki_embeddings.pictures.canvas import (
    LEFT,
    RIGHT,
    WIDTH,
    Axis,
    document,
    polyline,
    short,
    text,
    time_axis,
)

_INTERVALS = 60
"""Points of a speed curve; more would show the end of each shard instead of the speed."""


@dataclass(frozen=True)
class Moment:
    """How far a map was at one moment.

    Attributes:
        seconds: Seconds since it began.
        done: Units of work that it has done itself.
        containers: Containers in use; None on this machine.
    """

    seconds: float
    done: int
    containers: int | None


@dataclass(frozen=True)
class Share:
    """A part of the time that a run was paid for or waited for.

    Attributes:
        label: What was done.
        seconds: Seconds, added up over all workers.
        dollars: Its price; None where nothing is paid for, or the price is not known.
    """

    label: str
    seconds: float
    dollars: float | None


def length_histogram(counts: Sequence[int], bin_tokens: int) -> str:
    """Draw the number of chunks by length.

    Args:
        counts: Chunks in each bin; empty bins at the end are left out.
        bin_tokens: Width of a bin in tokens; the first begins at 0.
    """
    while counts and not counts[-1]:
        counts = counts[:-1]
    height = 260
    tokens = Axis(0, max(1, len(counts)) * bin_tokens, LEFT, RIGHT)
    chunks = Axis(0, max(1, *counts, 1), height - 46, 60)
    bars = (
        f'<rect class="data" x="{tokens.at(number * bin_tokens) + 1:.1f}" '
        f'y="{chunks.at(count):.1f}" width="{tokens.at(bin_tokens) - tokens.begin - 2:.1f}" '
        f'height="{chunks.begin - chunks.at(count):.1f}"/>'
        for number, count in enumerate(counts)
    )
    parts = [
        chunks.vertical("chunks"),
        *bars,
        tokens.horizontal(chunks.begin, "tokens in a chunk"),
    ]
    return document(parts, height, "Lengths of the chunks")


def speed_over_time(moments: Sequence[Moment], tokens: int) -> str:
    """Draw tokens per second over time, and below, where there are any, the containers in use.

    Args:
        moments: How far the map was, by ascending time; at least two.
        tokens: Tokens of all that it has done. A chunk counts with their mean, because it is done
            before its shard's tokens are known.
    """
    begun, ended = moments[0], moments[-1]
    tokens_each = tokens / max(1, ended.done - begun.done)
    width = (ended.seconds - begun.seconds) / _INTERVALS
    edges = [begun.seconds + number * width for number in range(_INTERVALS + 1)]
    done = [_done_at(moments, edge) for edge in edges]
    rates = [(b - a) * tokens_each / width for a, b in pairwise(done)]
    has_containers = any(moment.containers is not None for moment in moments)
    bottom = 200
    height = bottom + (176 if has_containers else 46)
    time, unit_s, unit = time_axis(ended.seconds, LEFT, RIGHT)
    speed = Axis(0, max(*rates, 1.0), bottom, 60)
    middles = [(edge + width / 2) / unit_s for edge in edges[:-1]]
    points = [(time.at(x), speed.at(y)) for x, y in zip(middles, rates, strict=True)]
    parts = [speed.vertical("tokens per second"), polyline(points, "line")]
    if has_containers:
        most = max(moment.containers or 0 for moment in moments)
        containers = Axis(0, max(1, most), height - 46, bottom + 58)
        parts += [
            containers.vertical("containers in use"),
            _steps(moments, time, unit_s, containers),
        ]
    parts.append(time.horizontal(height - 46, f"{unit} since the first shard was asked for"))
    return document(parts, height, "Speed of the encoder")


def _done_at(moments: Sequence[Moment], seconds: float) -> float:
    """Interpolate how much was done at a time."""
    after = min(max(1, bisect_right(moments, seconds, key=lambda m: m.seconds)), len(moments) - 1)
    a, b = moments[after - 1], moments[after]
    share = (seconds - a.seconds) / (b.seconds - a.seconds) if b.seconds > a.seconds else 1.0
    return a.done + share * (b.done - a.done)


def _steps(moments: Sequence[Moment], time: Axis, unit_s: float, containers: Axis) -> str:
    points: list[tuple[float, float]] = []
    for moment in moments:
        x, y = time.at(moment.seconds / unit_s), containers.at(moment.containers or 0)
        points += [(x, points[-1][1]), (x, y)] if points else [(x, y)]
    return polyline(points, "step")


def effort_shares(shares: Sequence[Share], title: str) -> str:
    """Draw where time and money went: a bar for each share, with its seconds and dollars.

    Args:
        shares: The parts.
        title: What they are parts of.
    """
    total = sum(share.seconds for share in shares) or 1.0
    row, first, begin = 44, 48, 12
    bar = Axis(0, total, begin, WIDTH - begin)
    parts = []
    for number, share in enumerate(shares):
        y = first + number * row
        price = "" if share.dollars is None else f", ${share.dollars:,.2f}"
        label = f"{share.label}: {short(share.seconds)} s{price} ({share.seconds / total:.0%})"
        parts += [
            text(begin, y, label),
            f'<rect class="third" fill-opacity=".25" x="{begin}" y="{y + 7}" '
            f'width="{bar.end - begin:.1f}" height="12" rx="2"/>',
            f'<rect class="{"data" if number == 0 else "second"}" x="{begin}" y="{y + 7}" '
            f'width="{bar.at(share.seconds) - begin:.1f}" height="12" rx="2"/>',
        ]
    return document(parts, first + len(shares) * row, title)
