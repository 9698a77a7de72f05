"""A bar chart of the lengths of passages, as text: the Hub shows no images inside Markdown."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH = 40
"""Characters of the longest bar; with its labels, a line fits a phone held sideways."""


def length_chart(counts: Sequence[int], bin_tokens: int) -> str:
    """Draw the number of passages by length, one line per bin, without empty bins at either end.

    Args:
        counts: Passages in each bin; the last bin includes all longer ones.
        bin_tokens: Width of a bin in tokens; the first begins at 0.
    """
    nonempty = [number for number, count in enumerate(counts) if count]
    if not nonempty:
        return ""
    tallest = max(counts)
    digits = len(f"{tallest:,}")
    lines = []
    for number in range(nonempty[0], nonempty[-1] + 1):
        count = counts[number]
        begin = number * bin_tokens
        label = f"{begin}+" if number == len(counts) - 1 else f"{begin}–{begin + bin_tokens - 1}"
        bar = "█" * round(_WIDTH * count / tallest) or ("▏" if count else "")
        lines.append(f"{label:>7}  {count:>{digits},}  {bar}".rstrip())
    return "\n".join(lines)
