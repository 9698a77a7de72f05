"""A map of points in two dimensions, with names at some that lie apart."""

from __future__ import annotations

from collections.abc import Sequence

from wiki_embeddings.pictures.canvas import WIDTH, Axis, document, text, text_width

_HEIGHT = 420
_MARGIN = 24
_HEADING = 40
_LABELS = 24
"""Names at most; a reader takes in no more at a glance."""

_LINE_PX = 16
_NAME_CHARACTERS = 28


def point_map(
    points: Sequence[tuple[float, float]], names: Sequence[str], title: str, caption: str
) -> str:
    """Draw points, and names at those where there is room for one.

    The axes of a projection have no unit, so both have the same scale and no ticks.

    Args:
        points: Coordinates of each point.
        names: Its name, in the same order; earlier ones are written first, empty ones not at all.
        title: What is shown.
        caption: How it was made.
    """
    across, down = _axes(points)
    at = [(across.at(x), down.at(y)) for x, y in points]
    # One path of empty strokes with round ends: a tenth of the size of a circle each.
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in at)
    labels: list[tuple[float, float, str]] = []
    written: set[str] = set()
    for (x, y), name in zip(at, names, strict=True):
        cut = name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"
        is_new = bool(cut) and cut not in written
        if is_new and len(labels) < _LABELS and _has_room(labels, x, y, cut):
            labels.append((x, y, cut))
            written.add(cut)
    shown = [
        f'<circle class="second" cx="{x:.0f}" cy="{y:.0f}" r="3.5"/>'
        + text(x + 6, y + 4, name, halo=True)
        for x, y, name in labels
    ]
    return document([f'<path class="points" d="{dots}"/>', *shown], _HEIGHT, title, caption)


def _axes(points: Sequence[tuple[float, float]]) -> tuple[Axis, Axis]:
    """Choose axes of the same scale that show all points in the middle."""
    across, down = [x for x, _ in points], [y for _, y in points]
    middle_x, middle_y = (min(across) + max(across)) / 2, (min(down) + max(down)) / 2
    room_x, room_y = WIDTH - 2 * _MARGIN, _HEIGHT - _HEADING - 2 * _MARGIN
    scale = max(
        (max(across) - min(across)) / room_x, (max(down) - min(down)) / room_y, 1e-9
    )  # units a pixel
    half_x, half_y = scale * room_x / 2, scale * room_y / 2
    return (
        Axis(middle_x - half_x, middle_x + half_x, _MARGIN, WIDTH - _MARGIN),
        Axis(middle_y - half_y, middle_y + half_y, _HEIGHT - _MARGIN, _MARGIN + _HEADING),
    )


def _has_room(labels: Sequence[tuple[float, float, str]], x: float, y: float, name: str) -> bool:
    """True if a name fits into the picture and touches no other one."""
    end = x + 6 + text_width(name)
    if end > WIDTH - 4:
        return False
    return all(
        abs(y - other_y) >= _LINE_PX
        or end < other_x - 8
        or x > other_x + 14 + text_width(other_name)
        for other_x, other_y, other_name in labels
    )
