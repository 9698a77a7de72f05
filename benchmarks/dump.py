"""Measures how an export of Wikimedia becomes Parquet, beside the plain way to do it.

    .venv/bin/python -m benchmarks.dump

The export is the sample's dump repeated under other page ids, with a page of another namespace for
each article, of the same size: in real exports about half of the text is no article's. Whole runs
take turns within each repetition, so that the load of the machine affects all alike; the tables
show medians and ratios to the first line, in time and, for a machine with other work, in processor
time.
"""

from __future__ import annotations

import bz2
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import click
import mwparserfromhell
import pyarrow as pa
import pyarrow.parquet as pq
import rapidgzip
from rich.console import Console
from rich.table import Table

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings.host import usable_cores
from wiki_embeddings.sources.export_articles import read_export
from wiki_embeddings.sources.wikitext.conversion import convert
from wiki_embeddings.sources.xml_export import iter_pages, only_articles
from wiki_embeddings.stages.fetch import write_part
from wiki_embeddings_tests.support.exports import ExportPage, page_xml, xml_pieces

_NAMESPACE = "{http://www.mediawiki.org/xml/export-0.11/}"
_PIECE_BYTES = 1 << 20

Run = Callable[[], object]


@click.command()
@click.option("--copies", default=4, show_default=True, help="Copies of the sample's articles.")
@click.option("--repetitions", default=3, show_default=True, help="Runs of each.")
def main(copies: int, repetitions: int) -> None:
    """Print ratios for the decoders, the conversion, and the whole way from bzip2 to Parquet."""
    cores = usable_cores()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "export.xml.bz2"
        xml_bytes = write_export(export, copies)
        output = Path(folder) / "part.parquet"
        decoders: dict[str, Run] = {"bz2": lambda: drain(bz2.BZ2File(export))}
        for number in sorted({1, cores}):
            decoders[f"rapidgzip, {number} threads"] = partial(decode, export, number)
        report(console, "Decoding bzip2", decoders, repetitions, xml_bytes)
        articles = [page.wikitext for page in only_articles(iter_pages(bundled_dump()))]
        conversions: dict[str, Run] = {
            "strip_code": lambda: [mwparserfromhell.parse(a).strip_code() for a in articles],
            "ours": lambda: [convert(article).text for article in articles],
        }
        size = sum(len(article.encode()) for article in articles)
        report(console, "Conversion, one core", conversions, repetitions, size)
        paths: dict[str, Run] = {
            "bz2 + iterparse + strip_code": lambda: plain_path(export, output),
            "ours, 1 core": lambda: our_path(export, output, 1),
            f"ours, {cores} cores": lambda: our_path(export, output, cores),
        }
        report(console, "From bzip2 to Parquet", paths, repetitions, xml_bytes)


def write_export(path: Path, copies: int) -> int:
    """Write the export; returns the bytes of its XML."""
    pages = list(only_articles(iter_pages(bundled_dump())))
    xml_bytes = 0
    with bz2.open(path, "wb") as file:
        for piece in [
            *list(xml_pieces("enwiki", []))[:-1],
            *(page_xml(page) for page in repeated([(p.title, p.wikitext) for p in pages], copies)),
            "</mediawiki>",
        ]:
            xml_bytes += file.write(piece.encode())
    return xml_bytes


def repeated(pages: list[tuple[str, str]], copies: int) -> Iterator[ExportPage]:
    """Yield an article and a page of another namespace for each page, with ascending ids."""
    number = 0
    for _ in range(copies):
        for title, text in pages:
            yield ExportPage(number + 1, title, text)
            yield ExportPage(number + 2, f"Talk:{title}", text, namespace=1)
            number += 2


def decode(export: Path, threads: int) -> None:
    """Decode an export with `rapidgzip`."""
    drain(rapidgzip.IndexedBzip2File(str(export), parallelization=threads))


def drain(stream: BinaryIO | bz2.BZ2File) -> None:
    """Read a stream to its end."""
    with stream:
        while stream.read(_PIECE_BYTES):
            pass


def our_path(export: Path, output: Path, cores: int) -> None:
    """Convert an export as a part of `raw_wikipedia` does."""
    opened = read_export(
        export, keep=1.0, pages=(1, 2), units=1, progress=lambda _: None, cores=cores
    )
    write_part(opened, output, articles_per_shard=4096)


def plain_path(export: Path, output: Path) -> None:
    """Convert an export with the standard library and mwparserfromhell."""
    rows: dict[str, list[str]] = {"id": [], "title": [], "text": []}
    with bz2.open(export) as stream:
        for _, page in ElementTree.iterparse(stream):
            if page.tag != f"{_NAMESPACE}page":
                continue
            if page.findtext(f"{_NAMESPACE}ns") == "0":
                text = page.findtext(f"{_NAMESPACE}revision/{_NAMESPACE}text") or ""
                rows["id"].append(page.findtext(f"{_NAMESPACE}id") or "")
                rows["title"].append(page.findtext(f"{_NAMESPACE}title") or "")
                rows["text"].append(mwparserfromhell.parse(text).strip_code())
            page.clear()
    pq.write_table(pa.table(rows), output, compression="zstd")


def report(console: Console, title: str, runs: dict[str, Run], repetitions: int, size: int) -> None:
    """Time runs in turns, and print medians of their speed and ratios of their time."""
    wall_s: dict[str, list[float]] = {name: [] for name in runs}
    cpu_s: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            started, cpu_started = time.perf_counter(), cpu_time()
            run()
            wall_s[name].append(time.perf_counter() - started)
            cpu_s[name].append(cpu_time() - cpu_started)
    table = Table(title=title, title_justify="left")
    for heading in ("", "MB/s", "faster", "MB per CPU s", "less CPU"):
        table.add_column(heading, justify="right" if heading else "left")
    first = next(iter(runs))
    for name in runs:
        cells = []
        for seconds in (wall_s, cpu_s):
            first_s, own_s = (statistics.median(seconds[each]) for each in (first, name))
            cells += [f"{size / own_s / 1e6:.1f}", f"{first_s / own_s:.2f}"]
        table.add_row(name, *cells)
    console.print(table)


def cpu_time() -> float:
    """Seconds of processor time of this process and of those of its children that have ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
