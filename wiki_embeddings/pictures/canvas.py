"""What all pictures share: the document with its colours, axes with round ticks, and labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH = 420
"""Width of a picture in pixels: what the UI shows of an asset's metadata in a window of 1500."""

LEFT, RIGHT = 64, WIDTH - 16
"""Begin and end of a horizontal axis; the labels of the vertical axis stand left of it."""

_FONT_PX = 12
_CHARACTER_PX = 0.58 * _FONT_PX
"""Mean width of a character of a sans-serif font; exact enough to keep labels apart."""

# An image has the colours of the browser's mode, so each mode brings a ground of its own: it is
# readable even where the UI is set to the other one.
_STYLE = """
:root{--ground:#fff;--ink:#3b3f46;--grid:#e3e5ea;--data:#4f43dd;--second:#b45309;--third:#9aa1ad}
@media(prefers-color-scheme:dark){
:root{--ground:#171a23;--ink:#cfd4dc;--grid:#303644;--data:#9a93ff;--second:#f2a65a;--third:#6b7280}}
text{fill:var(--ink)}
.ground{fill:var(--ground)}
.grid{stroke:var(--grid);stroke-width:1;fill:none}
.data{fill:var(--data)}.second{fill:var(--second)}.third{fill:var(--third)}
.line{fill:none;stroke:var(--data);stroke-width:2;stroke-linejoin:round}
.step{fill:none;stroke:var(--second);stroke-width:2}
.points{fill:none;stroke:var(--data);stroke-width:4;stroke-linecap:round;stroke-opacity:.45}
.halo{fill:var(--ink);stroke:var(--ground);stroke-width:3;paint-order:stroke;stroke-linejoin:round}
"""


def document(parts: Iterable[str], height: float, title: str, caption: str = "") -> str:
    """Put a picture together.

    Args:
        parts: SVG elements.
        height: Height in pixels.
        title: What is shown, as a line at the top.
        caption: A second line below the title.
    """
    heading = text(12, 20, title, bold=True) + (text(12, 36, caption) if caption else "")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" '
        f'height="{height:g}" font-family="sans-serif" font-size="{_FONT_PX}">'
        f"<style>{_STYLE}</style>"
        '<rect class="ground" width="100%" height="100%" rx="6"/>'
        f"{heading}{''.join(parts)}</svg>"
    )


def text(
    x: float,
    y: float,
    content: str,
    anchor: Literal["start", "middle", "end"] = "start",
    *,
    bold: bool = False,
    halo: bool = False,
) -> str:
    """Write a line of text.

    Args:
        x: Where it begins, has its middle or ends, in pixels.
        y: Its base line.
        content: The text, which is escaped.
        anchor: What `x` is.
        bold: True for a heading.
        halo: True to be readable on top of points.
    """
    style = (' font-weight="bold"' if bold else "") + (' class="halo"' if halo else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(content)}</text>'


def text_width(content: str) -> float:
    """Estimate the width of a line of text in pixels."""
    return _CHARACTER_PX * len(content)


def polyline(points: Iterable[tuple[float, float]], kind: Literal["line", "step"]) -> str:
    """Draw a line through points, or a step at each of them."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{joined}"/>'


@dataclass(frozen=True)
class Axis:
    """A linear axis.

    Attributes:
        low: Value at its begin.
        high: Value at its end, greater than `low`.
        begin: Pixels at its begin.
        end: Pixels at its end.
    """

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixels of a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values on the axis: multiples of 1, 2 or 5 times a power of ten."""
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(
            power * factor
            for factor in (1, 2, 5, 10)
            if (self.high - self.low) / (power * factor) <= most
        )
        first, last = math.ceil(self.low / step), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def horizontal(self, y: float, label: str) -> str:
        """Draw it as the horizontal axis at `y`, with its label below."""
        ticks = [text(self.at(value), y + 16, short(value), "middle") for value in self.ticks()]
        line = f'<path class="grid" d="M{self.begin:g} {y:g}H{self.end:g}"/>'
        return line + "".join(ticks) + text((self.begin + self.end) / 2, y + 34, label, "middle")

    def vertical(self, label: str) -> str:
        """Draw it as the vertical axis, with lines across the picture and its label on top."""
        lines = [
            f'<path class="grid" d="M{LEFT} {self.at(value):.1f}H{RIGHT}"/>'
            + text(LEFT - 8, self.at(value) + 4, short(value), "end")
            for value in self.ticks(4)
        ]
        return "".join(lines) + text(12, self.end - 14, label)


def short(value: float) -> str:
    """Format a number in few characters: 950, 12,000, 1.5 M, 0.25."""
    for size, name in ((1e9, " G"), (1e6, " M")):
        if abs(value) >= size:
            return f"{value / size:.4g}{name}"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"


def time_axis(seconds: float, begin: float, end: float) -> tuple[Axis, float, str]:
    """Choose the unit of a time axis.

    Returns:
        The axis from 0, seconds in its unit, and the unit's name.
    """
    unit_s, name = next(
        unit
        for unit in ((3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
        if seconds >= 2 * unit[0] or unit[0] == 1.0
    )
    return Axis(0.0, max(seconds, 1e-3) / unit_s, begin, end), unit_s, name
