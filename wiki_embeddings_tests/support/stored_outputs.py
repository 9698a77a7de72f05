"""Outputs on a volume as stages leave them, with an age of a test's choice."""

from __future__ import annotations

import json
import os
import time

from wiki_embeddings.volume import Volume, write_bytes

HOUR = 3600.0


def folder_of(stage: str, number: int, wiki: str = "de") -> str:
    return f"{wiki}/{stage}/{number:016x}"


def add_output(
    volume: Volume,
    folder: str,
    *,
    age_h: float,
    complete: bool = True,
    upstream: str | None = None,
    model: str = "small",
    fraction: float = 1.0,
) -> str:
    """Add an output with its notes, all written some hours ago."""
    settings = {"raw": {"fraction": fraction}, "chunks": {"model": model}}
    made_from = {"folder": upstream, "digest": ""} if upstream else None
    files = {f"{folder}/part-00000.parquet": b"x" * 1000, f"{folder}.reports/a.json": b"{}"}
    if complete:
        manifest = {"settings": settings, "upstream": made_from}
        files |= {f"{folder}/manifest.json": json.dumps(manifest).encode()}
    else:
        files |= {f"{folder}.scratch/part.bz2": b"y" * 1000, f"{folder}.call": b"fc-1"}
    for name, content in files.items():
        write_bytes(volume.path(name), content)
    set_age(volume, folder, age_h)
    return folder


def set_age(volume: Volume, folder: str, age_h: float) -> None:
    written = time.time() - age_h * HOUR
    roots = volume.path(folder).parent.glob(f"{volume.path(folder).name}*")
    for path in [path for root in roots for path in (root, *root.rglob("*"))]:
        os.utime(path, (written, written))
