"""A histogram as a small SVG picture: a bar chart is no reason to install a plotting library."""

from __future__ import annotations

import base64
from collections.abc import Sequence

_WIDTH, _HEIGHT, _MARGIN = 640, 200, 24


def histogram_svg(counts: Sequence[int], bin_width: int, title: str) -> str:
    """Draw counts as bars.

    Args:
        counts: Count of each bin; empty ones at the end are left out.
        bin_width: Width of a bin in the unit of the horizontal axis; the first begins at 0.
        title: What is counted.
    """
    while counts and not counts[-1]:
        counts = counts[:-1]
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(counts))
    room = _HEIGHT - 3 * _MARGIN
    tallest = max([*counts, 1])
    bars = "".join(
        f'<rect x="{_MARGIN + i * step + 1:.1f}" y="{_HEIGHT - _MARGIN - room * n / tallest:.1f}" '
        f'width="{step - 2:.1f}" height="{room * n / tallest:.1f}" fill="#4f43dd">'
        f"<title>{i * bin_width} to {(i + 1) * bin_width - 1}: {n:,}</title></rect>"
        for i, n in enumerate(counts)
    )
    labels = "".join(
        f'<text x="{_MARGIN + i * step:.1f}" y="{_HEIGHT - 8}">{i * bin_width}</text>'
        for i in range(0, len(counts) + 1, 4)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-family="sans-serif" font-size="11" '
        f'fill="#555"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_MARGIN}" y="18" font-size="13">{title} (highest bar: {tallest:,})</text>'
        f"{bars}{labels}</svg>"
    )


def as_markdown(svg: str, alternative: str) -> str:
    """The picture as Markdown that needs no other file.

    Args:
        svg: The picture.
        alternative: What it shows, for those who cannot see it.
    """
    encoded = base64.b64encode(svg.encode()).decode()
    return f"![{alternative}](data:image/svg+xml;base64,{encoded})"
