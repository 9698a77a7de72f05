"""Homes of their own for tests that run the whole thing: one a run, nothing shared."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SMALL = ("--fraction", "0.15", "--shard-mib", "0.02")
"""Options for a run over some fifteen articles in about as many shards."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a process that uses a home; nothing of this process's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WIKI_EMBEDDINGS_", "DAGSTER_", "HF_"))
    }
    return {**kept, "WIKI_EMBEDDINGS_HOME": str(home), "COLUMNS": "200", **more}


def command(*arguments: str) -> list[str]:
    """The console script, as the virtual environment has it."""
    return [str(Path(sys.executable).with_name("wiki-embeddings")), *arguments]


def cli(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(home, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def digests(folder: Path) -> Mapping[str, str]:
    """SHA-256 of every file below a folder, by its path in it; but for how fast they were made."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".throughput"
    }
