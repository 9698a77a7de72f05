"""Conversion in several processes: none outlives its parent; a killed one is explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ENDLESS = """
import itertools, sys
from wiki_embeddings.sources import conversion_pool
from wiki_embeddings.sources.xml_export import Page

conversion_pool._WITHOUT_POOL_CHARACTERS = 1
if __name__ == "__main__":
    text = "The '''river''' flows past [[bridge|bridges]]. " * 200
    pages = (
        Page(n, 0, "River", "url", None, 1, "2026-11-01T00:00:00Z", None, text)
        for n in itertools.count(1)
    )
    for batch in conversion_pool.convert_in_order(pages, (), 2):
        print(batch.num_rows, flush=True)
"""


@pytest.fixture
def process(tmp_path: Path):
    program = tmp_path / "endless.py"
    program.write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def children(pid: int) -> list[int]:
    """Processes that a process has started, but for the tracker of resources."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in found}
    return [child for child, command in commands.items() if b"spawn_main" in command]


def wait_until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def started_children(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    for _ in range(10):  # the first batch is converted without them
        process.stdout.readline()
    found = children(process.pid)
    assert len(found) == 2
    return found


def is_running(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_no_process_outlives_a_killed_parent(process):
    found = started_children(process)

    process.kill()

    wait_until(lambda: not any(map(is_running, found)))


def test_a_killed_process_ends_the_conversion_in_a_sentence(process):
    os.kill(started_children(process)[0], signal.SIGKILL)

    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "WikiEmbeddingsError: A process that converts pages was killed" in errors
