"""Questions to the ids and titles of raw articles, answered without reading a text.

The files are read one at a time, so memory does not grow with the wiki.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wiki_embeddings.manifest import Manifest, ShardFile
from wiki_embeddings.volume import Volume

_INVISIBLE = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F)])
"""Marks of the direction of writing, which MediaWiki removes from titles."""


@dataclass(frozen=True)
class GonePages:
    """Page ids of one output that another one does not have.

    Attributes:
        number: How many.
        titles: Titles of some of them, drawn at random, by ascending page id.
    """

    number: int
    titles: tuple[str, ...]


def gone_pages(volume: Volume, before: Manifest, after: Manifest, shown: int) -> GonePages:
    """Find the page ids of an earlier output that a later one does not have.

    Args:
        volume: Where the files are.
        before: The earlier output.
        after: The later one.
        shown: Most titles to return.

    Raises:
        OSError: A file is missing or cannot be read.
        pyarrow.ArrowException: A file is damaged.
    """
    number, drawn = _draw(gone_ids(volume, before, after), shown)
    return GonePages(number, tuple(_titles(volume, before, drawn)))


def gone_ids(volume: Volume, before: Manifest, after: Manifest) -> Iterator[int]:
    """Yield the page ids of an earlier output that a later one does not have, file by file.

    Holds the ids of two files: 8 bytes an article.
    """
    for file in before.files:
        ids = _ids(volume, before, file)
        for other in after.files:
            if len(ids) and other.min_id <= file.max_id and other.max_id >= file.min_id:
                ids = np.setdiff1d(ids, _ids(volume, after, other), assume_unique=True)
        yield from ids.tolist()


def _ids(volume: Volume, manifest: Manifest, file: ShardFile) -> npt.NDArray[np.int64]:
    """Read the page ids of a file: int64, each once."""
    with pq.ParquetFile(volume.path(manifest.reference(file))) as parquet:
        ids: npt.NDArray[np.int64] = parquet.read(columns=["id"]).column("id").to_numpy()
    return ids


def _draw(ids: Iterable[int], size: int) -> tuple[int, list[int]]:
    """Count ids and draw some, each as likely as any other (Vitter's algorithm R).

    Equal ids give an equal draw.
    """
    generator = random.Random(0)  # noqa: S311 (a sample to look at)
    number = 0
    drawn: list[int] = []
    for number, page in enumerate(ids, start=1):
        if number <= size:
            drawn.append(page)
        elif (place := generator.randrange(number)) < size:
            drawn[place] = page
    return number, sorted(drawn)


def _titles(volume: Volume, manifest: Manifest, ids: list[int]) -> Iterator[str]:
    """Look up the titles of some page ids, in the order of the files."""
    for file in manifest.files:
        if any(file.min_id <= page <= file.max_id for page in ids):
            path = volume.path(manifest.reference(file))
            found = pq.read_table(
                path, columns=["title"], filters=[("id", "in", ids)], partitioning=None
            )
            yield from found.column("title").to_pylist()


def first_url(volume: Volume, manifest: Manifest) -> str:
    """Read the address of the first article of an output, which has one."""
    file = next(file for file in manifest.files if file.rows)
    with pq.ParquetFile(volume.path(manifest.reference(file))) as parquet:
        batch = next(parquet.iter_batches(1, columns=["url"]))
    return str(batch.column("url")[0].as_py())


def missing_titles(volume: Volume, manifest: Manifest, titles: Iterable[str]) -> list[str]:
    """Find the titles that no article has.

    Args:
        volume: Where the files are.
        manifest: The output.
        titles: Titles as people write them; see `spellings`.

    Returns:
        The missing ones, as given.
    """
    wanted = {spelling: title for title in titles for spelling in spellings(title)}
    missing = dict.fromkeys(wanted.values())
    candidates = pa.array(wanted, pa.string())
    for file in manifest.files:
        if not missing:
            break
        with pq.ParquetFile(volume.path(manifest.reference(file))) as parquet:
            for batch in parquet.iter_batches(columns=["title"]):
                column = batch.column("title")
                for title in column.filter(pc.is_in(column, candidates)).to_pylist():
                    missing.pop(wanted[title], None)
    return list(missing)


def spellings(title: str) -> tuple[str, ...]:
    """Return the titles that MediaWiki may mean by a title as people write it.

    Underscores are spaces, and spaces at the ends and repeated ones do not count
    (https://www.mediawiki.org/wiki/Manual:Page_title). The first letter is a capital in all
    Wikipedias but one, Lojban, whose titles stay as they are: both are returned.
    """
    plain = unicodedata.normalize("NFC", title).translate(_INVISIBLE)
    plain = " ".join(plain.replace("_", " ").split())
    capital = plain[:1].upper()
    # A letter without a single capital, such as ß, stays.
    return (plain, capital + plain[1:]) if len(capital) == 1 else (plain,)
