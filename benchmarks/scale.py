"""Takes a generated wiki of any size through all four assets, and then a refresh of it.

    python -m benchmarks.scale --pages 30000 --pages 300000

The wiki comes from a site of exports on this machine, 2 % of its articles change from the first
snapshot to the second, and the tests' tiny model computes the vectors. Shown are the time of each
asset, the share of the chunks that the refresh reused, and the peak of memory of all processes,
which must not grow with the wiki. 300,000 pages are about 1.1 GB of wikitext.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.generated_export import write_generated_export
from benchmarks.process_memory import peak_memory
from wiki_embeddings.asset_keys import ASSET_KEYS, CHUNKED_VOLUME, EMBEDDINGS, RAW_WIKIPEDIA
from wiki_embeddings.volume import MiB
from wiki_embeddings_tests.standins.dumps import dumps_site
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

WIKI = "simple"
SNAPSHOTS = ("20261001", "20261101")


@dataclass(frozen=True)
class Measured:
    """One materialization of an asset.

    Attributes:
        seconds: Wall time, without starting Python.
        cpu_seconds: Processor time of all its processes, which other work on the machine does not
            lengthen so much.
        peak_bytes: Peak of memory of all its processes.
        metadata: What Dagster recorded.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    metadata: dict[str, Any]


@click.command()
@click.option(
    "--pages",
    "sizes",
    type=click.IntRange(min=1),
    multiple=True,
    default=[30_000],
    help="Pages of the wiki; give it several times for several wikis.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Where to put the temporary files, about 4 GB for 300,000 pages.",
)
def main(sizes: Sequence[int], folder: Path | None) -> None:
    """Measure all four assets and a refresh, for wikis of these sizes."""
    console = Console()
    for pages in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            characters = write_exports(Path(work), pages)
            console.print(
                f"{pages:,} pages, {characters / 1e6:,.0f} million characters of wikitext"
            )
            first, refresh = measure(Path(work), console)
            console.print(_table(first, refresh))
            console.print(_reuse(refresh[EMBEDDINGS].metadata))


def write_exports(work: Path, pages: int) -> int:
    """Write both snapshots; returns the characters of the first one."""
    first, *_ = [
        write_generated_export(work / "site", f"{WIKI}wiki", snapshot, pages, edition)
        for edition, snapshot in enumerate(SNAPSHOTS)
    ]
    return first


def measure(work: Path, console: Console) -> Iterator[dict[str, Measured]]:
    """Materialize all assets for each snapshot; yields the measurements by asset.

    Each is also printed at once, because all of them take a while.
    """
    model = write_tiny_model(work / "tiny-bert")
    with dumps_site(work / "site") as site:
        os.environ |= {
            "WIKI_EMBEDDINGS_DUMPS_URL": site.url,
            "NO_PROXY": "127.0.0.1",
            # What a run is predicted to take is that of a wiki and a model of the usual size.
            "WIKI_EMBEDDINGS_MAX_LOCAL_HOURS": "none",
        }
        for snapshot in SNAPSHOTS:
            config = {
                RAW_WIKIPEDIA: {"source": "dump", "snapshot": snapshot},
                CHUNKED_VOLUME: {"model": str(model)},
            }
            measured = {}
            for asset in ASSET_KEYS:
                measured[asset] = _measure_asset(work, asset, config)
                console.print(f"{asset} of {snapshot}: {', '.join(_texts(measured[asset]))}")
            yield measured


def _measure_asset(work: Path, asset: str, config: dict[str, dict[str, Any]]) -> Measured:
    """Materialize an asset in a process of its own, whose memory is watched from here."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as executor:
        pid = executor.submit(os.getpid).result()
        with peak_memory(pid) as peak:
            seconds, cpu, metadata = executor.submit(_materialize, work, asset, config).result()
    return Measured(seconds, cpu, peak.bytes, metadata)


def _materialize(
    work: Path, asset: str, config: dict[str, dict[str, Any]]
) -> tuple[float, float, dict[str, Any]]:
    """Materialize an asset with its checks.

    Returns:
        Seconds of wall time, seconds of processor time, and the numbers that Dagster recorded.
    """
    # Every process that this one starts imports this module, and none of them needs Dagster.
    from wiki_embeddings_tests.support import dagster_runs

    logging.disable(logging.CRITICAL)  # the table is all that is to be seen
    started, cpu_before = time.perf_counter(), _cpu_seconds()
    with dagster_runs.new_instance(work) as instance:
        run = dagster_runs.materialize(
            instance, WIKI, [asset], config, dagster_runs.resources(work)
        )
        recorded = dagster_runs.metadata(run, asset)
    numbers = {name: value for name, value in recorded.items() if isinstance(value, int | float)}
    return time.perf_counter() - started, _cpu_seconds() - cpu_before, numbers


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _texts(run: Measured) -> tuple[str, str, str]:
    return (
        f"{run.seconds:.0f} s",
        f"{run.cpu_seconds:.0f} s of CPU",
        f"{run.peak_bytes / MiB:.0f} MiB",
    )


def _table(first: dict[str, Measured], refresh: dict[str, Measured]) -> Table:
    table = Table("asset", "rows", "first run", "", "at most", "refresh", "", "at most")
    for column in table.columns[1:]:
        column.justify = "right"
    for asset in ASSET_KEYS:
        rows = f"{first[asset].metadata['dagster/row_count']:,}"
        table.add_row(asset, rows, *_texts(first[asset]), *_texts(refresh[asset]))
    return table


def _reuse(embeddings: dict[str, Any]) -> str:
    reused, embedded = embeddings["reused_chunks"], embeddings["embedded_chunks"]
    return f"The refresh reused {reused:,} chunks ({reused / (reused + embedded):.2%}).\n"


if __name__ == "__main__":
    main()
