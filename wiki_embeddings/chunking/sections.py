"""Names the section that each chunk of an article stands in, from where its headings are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

SEPARATOR = " / "
"""Between the headings of a path, as in "History / Early years"."""


def section_paths(
    text: str, headings: Sequence[tuple[int, int]], starts: Sequence[int]
) -> list[str]:
    """Return the path of headings that each chunk stands under.

    A chunk that begins with headings stands under the last of them, so the path is that of its
    first sentence. It does not say where later parts of the chunk stand.

    Args:
        text: Text of the article.
        headings: Code point at which each heading begins, ascending, and its level. A heading is a
            line of its own; one of a higher level is part of the section before it.
        starts: Code point at which each chunk begins.

    Returns:
        The headings from the outermost on, joined by `SEPARATOR`; empty before the first heading.
    """
    places = [place for place, _ in headings]
    titles = [_line(text, place) for place in places]
    paths = _paths([level for _, level in headings], titles)
    with_body = _headings_before_text(text, places, titles)
    sections = []
    for start in starts:
        last = bisect_right(places, start) - 1
        if last < 0:
            sections.append("")
        else:
            sections.append(paths[with_body[last] if places[last] == start else last])
    return sections


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start:] if end < 0 else text[start:end]


def _paths(levels: Sequence[int], titles: Sequence[str]) -> list[str]:
    """Return the path to each heading, itself included."""
    paths = []
    above: list[tuple[int, str]] = []
    for level, title in zip(levels, titles, strict=True):
        while above and above[-1][0] >= level:
            above.pop()
        above.append((level, title))
        paths.append(SEPARATOR.join(title for _, title in above))
    return paths


def _headings_before_text(text: str, places: Sequence[int], titles: Sequence[str]) -> list[int]:
    """Return, for each heading, the last of those that follow it without text between."""
    last = list(range(len(places)))
    for number in reversed(range(len(places) - 1)):
        line_end = places[number] + len(titles[number])
        if not text[line_end : places[number + 1]].strip():
            last[number] = last[number + 1]
    return last
