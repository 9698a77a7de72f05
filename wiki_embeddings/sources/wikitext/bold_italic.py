"""Takes out the apostrophes that make text bold or italic, and keeps those that are text."""

from __future__ import annotations

import re

_RUN = re.compile("'{2,}")
_KEPT_OF_RUN = {2: 0, 3: 0, 4: 1, 5: 0}


def without_styles(line: str) -> str:
    """Removes the markup of bold and italics from one line, by MediaWiki's rules.

    Two apostrophes make italics, three bold, five both; one of four is text, as is each after the
    fifth. Where a line leaves both bold and italics open, as `''Time'''s` does, one bold was an
    apostrophe beside italics.
    """
    runs = list(_RUN.finditer(line))
    lengths = [len(run[0]) for run in runs]
    kept = [_KEPT_OF_RUN.get(length, length - 5) for length in lengths]
    bold = sum(length > 2 for length in lengths)
    italic = sum(length == 2 or length > 4 for length in lengths)
    bold_runs = [index for index, length in enumerate(lengths) if length in {3, 4}]
    if bold % 2 and italic % 2 and bold_runs:
        kept[min(bold_runs, key=lambda index: _unlikely(line[: runs[index].start()]))] += 1
    pieces, end = [], 0
    for run, count in zip(runs, kept, strict=True):
        pieces += [line[end : run.start()], "'" * count]
        end = run.end()
    return "".join(pieces) + line[end:]


def _unlikely(before: str) -> int:
    """Ranks what stands before a run: an apostrophe follows a lone letter sooner than a space."""
    if before[-1:] in {"", " "}:
        return 2
    return 0 if before[-2:-1] == " " else 1
