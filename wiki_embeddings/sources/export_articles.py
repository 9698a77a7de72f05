"""Reads a file of an export: counts all its pages, and converts the articles on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from wiki_embeddings.host import usable_cores
from wiki_embeddings.sources.conversion_pool import convert_in_order
from wiki_embeddings.sources.machine_slots import machine_slot
from wiki_embeddings.sources.protocol import SOURCE_ARTICLES, OpenedPart, Progress
from wiki_embeddings.sources.sampling import keep_mask
from wiki_embeddings.sources.xml_export import Page, opened_export

_DECODING_CORES = 4
"""Decoding more than this many times as fast as one core leaves the conversion behind."""

_ADVICE = (
    "Its bytes are those that Wikimedia lists, so it was published like this: use another "
    "snapshot, or report it to Wikimedia."
)


def read_export(
    path: Path,
    *,
    keep: float,
    pages: tuple[int, int],
    units: int,
    progress: Progress,
    cores: int | None = None,
) -> OpenedPart:
    """Open a file of an export.

    Args:
        path: The file.
        keep: Share of the articles to keep, by `keep_mask`.
        pages: Ids of the first and last page that it may have, by which progress is told.
        units: Units of progress for reading all of it.
        progress: Called while it is read.
        cores: Processor cores to use; by default all that this process may use.

    Returns:
        Its articles, and counts of its pages: `pages`, `pages_in_namespace_{number}`, and
        `left_out_{reason}` for each page that is no article of the output.

    Raises:
        BadInputError: Reading the batches raises it if the file is no export or is damaged.
    """
    counts: Counter[str] = Counter()
    reported = _ReportedUnits(pages, units, progress)
    return OpenedPart(
        _batches(path, keep, counts, reported, cores or usable_cores()), lambda: dict(counts)
    )


class _ReportedUnits:
    """Reports progress by page id, because only that tells how far into a file a page is."""

    def __init__(self, pages: tuple[int, int], units: int, progress: Progress) -> None:
        self._first, self._last = pages
        self._units = units
        self._progress = progress
        self._done = 0

    def reached(self, page_id: int) -> None:
        """Report what lies before a page."""
        share = (page_id - self._first) / max(1, self._last - self._first)
        self._report(round(self._units * min(1.0, max(0.0, share))))

    def finished(self) -> None:
        """Report the rest."""
        self._report(self._units)

    def _report(self, done: int) -> None:
        if done > self._done:
            self._progress(done - self._done)
            self._done = done


def _batches(
    path: Path, keep: float, counts: Counter[str], reported: _ReportedUnits, cores: int
) -> Iterator[pa.RecordBatch]:
    # Parts are fetched side by side, but converted one after another: each takes all cores.
    with (
        machine_slot("conversion", 1),
        opened_export(path, min(cores, _DECODING_CORES), _ADVICE) as (site, pages),
    ):
        articles = _articles(pages, keep, counts, reported)
        yield from convert_in_order(articles, site, cores)
    reported.finished()


def _articles(
    pages: Iterator[Page], keep: float, counts: Counter[str], reported: _ReportedUnits
) -> Iterator[Page]:
    """Yield the articles to keep; count every page."""
    for page in pages:
        counts["pages"] += 1
        counts[f"pages_in_namespace_{page.namespace}"] += 1
        reported.reached(page.id)
        if page.left_out:
            counts[f"left_out_{page.left_out}"] += 1
        elif keep < 1 and not keep_mask(np.array([page.id]), keep)[0]:
            counts["left_out_not_sampled"] += 1
        else:
            counts[SOURCE_ARTICLES] += 1
            yield page
