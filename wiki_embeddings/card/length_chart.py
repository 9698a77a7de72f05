"""How long passages are, drawn with characters: the Hub shows no picture inside Markdown."""

from __future__ import annotations

from collections.abc import Sequence

_WIDTH = 40
"""Characters of the longest bar; with its labels a line fits on a telephone held sideways."""


def bars(counts: Sequence[int], bin_tokens: int) -> str:
    """Draw passages by their number of tokens, a line for each bin.

    Args:
        counts: Passages in each bin, of which the last takes all longer ones too. Empty bins at
            either end are left out.
        bin_tokens: Width of a bin; the first begins at 0.
    """
    filled = [number for number, count in enumerate(counts) if count]
    if not filled:
        return ""
    tallest = max(counts)
    digits = len(f"{tallest:,}")
    lines = []
    for number in range(filled[0], filled[-1] + 1):
        count = counts[number]
        begin = number * bin_tokens
        label = f"{begin}+" if number == len(counts) - 1 else f"{begin}–{begin + bin_tokens - 1}"
        bar = "█" * round(_WIDTH * count / tallest) or ("▏" if count else "")
        lines.append(f"{label:>7}  {count:>{digits},}  {bar}".rstrip())
    return "\n".join(lines)
