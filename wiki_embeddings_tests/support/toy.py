"""A toy stage, for tests of code that runs stages: numbers in, small Parquet files out.

Worker processes import it by its module, so it must not be part of a test file.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from wiki_embeddings.errors import BadInputError, OutageError
from wiki_embeddings.sources.protocol import Progress
from wiki_embeddings.stages.shard import Plan, Report, folder_for, make_once, parquet_writer
from wiki_embeddings.volume import UnusableVolumeError, Volume


@dataclass(frozen=True)
class ToySpec:
    """One shard of numbers.

    `fault` is empty, "refuse", "bug", "full", "outage", "kill", "kill once", "sleep" or "slow".
    """

    folder: str
    name: str
    units: int
    first: int
    fault: str = ""


def toy_plan(shards: int, faults: dict[int, str] | None = None, rows: int = 3) -> Plan[ToySpec]:
    raw = {
        "shards": shards,
        "fraction": 0.5,
        "articles_per_shard": 10,
        "source": "mediawiki_content_current",
        "snapshot": "20261101",
    }
    folder = folder_for("toy", "raw", None, {"raw": raw}, "1")
    return Plan(
        wiki="toy",
        stage="raw",
        folder=folder,
        upstream=None,
        settings={"raw": raw},
        make=make_toy,
        unit="rows",
        bound_by="core",
        specs=tuple(
            ToySpec(folder, f"part-{n:05d}.parquet", rows, n * rows, (faults or {}).get(n, ""))
            for n in range(shards)
        ),
    )


def make_toy(spec: ToySpec, volume: Volume, progress: Progress) -> Report:
    def write(path: Path) -> dict[str, int]:
        _inject_fault(spec, volume, progress)
        table = pa.table({"id": pa.array(range(spec.first, spec.first + spec.units), pa.int64())})
        with parquet_writer(path, table.schema) as writer:
            writer.write_table(table)
        progress(1)
        return {"articles": spec.units}

    return make_once(spec, volume, write)


def make_signed(spec: ToySpec, volume: Volume, progress: Progress) -> Report:
    """Make a shard, and leave the worker's process id in the volume."""
    (volume.root / f"worker-of-{spec.name}").write_text(str(os.getpid()))
    return make_toy(spec, volume, progress)


def make_and_end_slowly(spec: ToySpec, volume: Volume, progress: Progress) -> Report:
    """Make a shard, and leave a thread that keeps the worker from ending."""
    threading.Thread(target=time.sleep, args=(60,)).start()
    return make_toy(spec, volume, progress)


def _inject_fault(spec: ToySpec, volume: Volume, progress: Progress) -> None:
    if spec.fault == "refuse":
        raise BadInputError("This one is poison: take it out.")
    if spec.fault == "bug":
        raise ZeroDivisionError("a bug")
    if spec.fault == "full":
        raise UnusableVolumeError("The disk is full.")
    if spec.fault == "outage":
        raise OutageError("The store is down.")
    marker = volume.path(f"at-work-{spec.name}")
    if spec.fault == "slow":
        for _ in range(spec.units - 1):
            time.sleep(0.25)
            progress(1)
    if spec.fault == "sleep":
        marker.write_text(str(os.getpid()))
        time.sleep(600)
    if spec.fault == "kill" or (spec.fault == "kill once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
