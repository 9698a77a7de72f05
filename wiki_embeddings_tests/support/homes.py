"""The command line on homes of one test."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from unittest import mock

from wiki_embeddings.cli.main import main

SMALL = ("--fraction", "0.15", "--articles-per-shard", "1")
"""Options for a run over some fifteen articles in about as many shards."""


def environment(home: Path, **more: str) -> dict[str, str]:
    """Environment of a process that uses a home; nothing of this process's own settings.

    Nor is any run too large: the wikis of tests have the names of large ones.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WIKI_EMBEDDINGS_", "DAGSTER_", "HF_"))
    }
    limits = dict.fromkeys(
        ("WIKI_EMBEDDINGS_MAX_LOCAL_HOURS", "WIKI_EMBEDDINGS_MAX_LOCAL_GB"), "none"
    )
    return {**kept, **limits, "WIKI_EMBEDDINGS_HOME": str(home), "COLUMNS": "200", **more}


def command(*arguments: str) -> list[str]:
    """The console script of this virtual environment."""
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


def cli_in_this_process(
    home: Path, *arguments: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end without a new interpreter, for commands that end at once."""
    stdout, stderr = StringIO(), StringIO()
    with (
        mock.patch.dict(os.environ, environment(home, **more), clear=True),
        mock.patch.object(sys, "argv", ["wiki-embeddings", *arguments]),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        mock.patch.object(signal, "signal"),  # the test's own process keeps its handlers
    ):
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        else:
            code = 0
    return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())


def wait_until(condition: Callable[[], bool], running: subprocess.Popen, within_s: float = 120.0):
    """Wait until a condition holds while a process runs."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert running.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finished_shards(home: Path, stage: str) -> dict[Path, int]:
    """Finished shards of a stage of the sample, with the time at which each was written.

    A shard is finished once its report is there; killed before that, it is made again.
    """
    reports = (home / "volume" / "sample" / stage).glob("*.reports/*.parquet.json")
    shards = [report.parent.with_suffix("") / report.stem for report in reports]
    return {path: path.stat().st_mtime_ns for path in shards}


_NOT_COMPARED = (".throughput", ".parquet.json", "current.json")
"""Ends of the names of files that differ between runs which make the same."""


def digests(folder: Path) -> Mapping[str, str]:
    """SHA-256 of every file below a folder, by its relative path.

    But for those that hold measured speeds, and the one that names the current embeddings.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(_NOT_COMPARED)
    }
