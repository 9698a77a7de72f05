"""Converts pages on all cores, in order and within bounded memory.

Processes and not threads, because the conversion is Python code.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from wiki_embeddings.errors import WikiEmbeddingsError
from wiki_embeddings.host import exit_with_parent
from wiki_embeddings.sources.article_batches import convert_pages
from wiki_embeddings.volume import MiB

if TYPE_CHECKING:
    import pyarrow as pa

    from wiki_embeddings.sources.xml_export import Page, SiteInfo

_GROUP_CHARACTERS = MiB // 4
"""Wikitext that a process converts at once: a fraction of a second."""

_GROUP_PAGES = 256

_WITHOUT_POOL_CHARACTERS = MiB
"""Wikitext that is converted before processes are started, which takes as long."""

_WAITING_CHARACTERS = 64 * MiB
"""Most wikitext under way, but for a single group."""


def convert_in_order(pages: Iterable[Page], site: SiteInfo, cores: int) -> Iterator[pa.RecordBatch]:
    """Convert articles to plain text, in their order.

    Args:
        pages: The articles.
        site: The wiki that they come from.
        cores: Number of processes, if there is enough for them to do; with 1 there are none.

    Raises:
        WikiEmbeddingsError: A process was killed.
    """
    groups = _grouped(pages)
    converted = 0
    for group in groups:
        yield convert_pages(group, site)
        converted += _characters(group)
        if cores > 1 and converted >= _WITHOUT_POOL_CHARACTERS:
            break
    try:
        yield from _convert_in_processes(groups, site, cores)
    except BrokenProcessPool as error:
        raise WikiEmbeddingsError(
            "A process that converts pages was killed, as the system does when memory runs out: "
            "run it again with more memory or fewer cores; finished parts are kept."
        ) from error


def _convert_in_processes(
    groups: Iterator[list[Page]], site: SiteInfo, cores: int
) -> Iterator[pa.RecordBatch]:
    first = next(groups, None)
    if first is None:
        return
    # Fresh interpreters: a fork of a process with threads (Arrow's, the decoder's) can deadlock.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, _prepare_process) as pool:
        waiting: deque[tuple[Future[pa.RecordBatch], int]] = deque()
        characters = 0
        try:
            for group in _chained(first, groups):
                size = _characters(group)
                waiting.append((pool.submit(convert_pages, group, site), size))
                characters += size
                while len(waiting) > 2 * cores or characters > _WAITING_CHARACTERS:
                    future, size = waiting.popleft()
                    characters -= size
                    yield future.result()
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _chained(first: list[Page], others: Iterator[list[Page]]) -> Iterator[list[Page]]:
    yield first
    yield from others


def _prepare_process() -> None:
    # Ctrl-C reaches every process of the terminal; the parent decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_with_parent()


def _grouped(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Group pages so that each group has enough text to be worth a message to a process."""
    group: list[Page] = []
    characters = 0
    for page in pages:
        group.append(page)
        characters += len(page.wikitext)
        if characters >= _GROUP_CHARACTERS or len(group) >= _GROUP_PAGES:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _characters(group: list[Page]) -> int:
    return sum(len(page.wikitext) for page in group)
