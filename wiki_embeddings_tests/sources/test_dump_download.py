"""Fetching the files of an export: whatever happens on the way, no byte is fetched twice."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.sources.dump import DumpPart
from wiki_embeddings_tests.sources.dump_parts import PAGES, folder_of, plan, read
from wiki_embeddings_tests.standins.dumps import DumpsSite, dumps_site
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    write_export,
)


@pytest.fixture
def part(site: DumpsSite) -> DumpPart:
    noise = np.random.default_rng(0)
    pages = [ExportPage(n, f"Page {n}", noise.bytes(500).hex()) for n in range(1, 300)]
    write_export(site.root, "xxwiki", "20261101", pages, files=1)
    (part,) = plan().parts
    assert part.size > 100_000
    return part


def sent(site: DumpsSite) -> int:
    return sum(size for path, size in site.body_bytes.items() if path.endswith(".bz2"))


@pytest.mark.parametrize(
    "fault",
    [
        {"cut_after": 50_000},
        {"stall_after": 50_000},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 429},
        {"without_length": True, "cut_after": 70_000},
    ],
    ids=["truncated", "stalled", "503", "429", "no length"],
)
def test_a_broken_connection_costs_no_byte_twice(
    site: DumpsSite, part: DumpPart, tmp_path: Path, fault: dict[str, Any]
):
    site.order(".bz2", **fault)

    table, _ = read(part, tmp_path)

    assert table.num_rows == 299
    assert sent(site) == part.size
    assert site.most_connections <= 3


@pytest.mark.parametrize("fault", [{"alters": True}, {"cut_after": 50_000}], ids=str)
def test_a_server_without_ranges_or_with_wrong_bytes_is_asked_for_the_whole_file_again(
    site: DumpsSite, part: DumpPart, tmp_path: Path, fault: dict[str, Any]
):
    site.order(".bz2", **fault)
    site.order(".bz2", ignores_range=True)

    assert read(part, tmp_path)[0].num_rows == 299


def test_a_redirect_to_the_files_is_followed(site: DumpsSite, part: DumpPart, tmp_path: Path):
    (site.root / "elsewhere").write_bytes((folder_of(site) / part.name).read_bytes())
    site.order(".bz2", status=302, headers={"Location": "/elsewhere"})

    assert read(part, tmp_path)[0].num_rows == 299


def test_wrong_bytes_that_stay_wrong_are_never_used(
    site: DumpsSite, part: DumpPart, tmp_path: Path
):
    site.order(".bz2", times=2, alters=True)

    with pytest.raises(WikiEmbeddingsError, match=r"other bytes than Wikimedia lists.*SHA-256"):
        read(part, tmp_path)

    assert not list(tmp_path.glob("*.bz2"))
    assert read(part, tmp_path)[0].num_rows == 299


def test_a_site_that_stays_silent_is_given_up_and_what_came_is_kept(
    site: DumpsSite, part: DumpPart, tmp_path: Path
):
    site.order(".bz2", cut_after=60_000)
    site.order(".bz2", times=9, status=503)
    with pytest.raises(WikiEmbeddingsError, match="answers with status 503") as caught:
        read(part, tmp_path)
    assert not isinstance(caught.value, BadInputError)
    while site.take_fault("GET", "a.bz2").status:
        pass

    assert read(part, tmp_path)[0].num_rows == 299
    assert sent(site) == part.size


KILLED = """
import sys, pickle
from pathlib import Path
from wiki_embeddings.sources.dump import open_part
open_part(pickle.loads(bytes.fromhex(sys.argv[1])), Path(sys.argv[2]), lambda _: None)
"""


def test_a_download_goes_on_where_a_killed_process_was(
    site: DumpsSite, part: DumpPart, tmp_path: Path
):
    site.order(".bz2", stall_after=80_000)
    command = [sys.executable, "-c", KILLED, pickle.dumps(part).hex(), str(tmp_path)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 30
    while not any(f.stat().st_size == 80_000 for f in tmp_path.glob("*.partial")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()

    assert read(part, tmp_path)[0].num_rows == 299
    assert [r.headers.get("range") for r in site.requested(".bz2")] == [None, "bytes=80000-"]


def test_a_mirror_has_the_files_and_the_origin_fills_its_gaps(
    site: DumpsSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_export(site.root, "xxwiki", "20261101", PAGES, files=3)
    mirrored = tmp_path / "mirror" / "wikimedia"
    copy = write_export(mirrored, "xxwiki", "20261101", PAGES, files=3)
    first, second, third = sorted(copy.glob("*.bz2"), key=lambda file: file.name.split("-p")[1])
    with dumps_site(tmp_path / "mirror") as mirror:
        monkeypatch.setenv("WIKI_EMBEDDINGS_DUMPS_MIRROR", f"{mirror.url}/wikimedia/")
        parts = {part.name: part for part in plan().parts}
        (copy / "SHA256SUMS").write_text("wrong")
        second.unlink()
        third.write_bytes(b"BZh9 other bytes")
        rows = sum(read(part, tmp_path / "scratch")[0].num_rows for part in parts.values())

        assert rows == 4
        assert not mirror.requested("SHA256SUMS")
        fetched = {request.path.rpartition("/")[2] for request in site.requested(".bz2")}
        assert fetched == {second.name, third.name}
        assert mirror.requested(first.name)


def test_all_processes_together_keep_to_the_connections_that_wikimedia_allows(
    site: DumpsSite, tmp_path: Path
):
    write_export(site.root, "xxwiki", "20261101", PAGES, files=4)
    parts = plan().parts
    site.order(".bz2", times=99, byte_every_s=0.0005)
    commands = [
        [sys.executable, "-c", KILLED, pickle.dumps(part).hex(), str(tmp_path / str(part.index))]
        for part in parts
    ]
    processes = [subprocess.Popen(command) for command in commands]
    plan()  # a look-up has a connection of its own

    assert [process.wait() for process in processes] == [0] * 4
    assert site.refused == 0
    assert site.most_connections <= 3


def test_a_fourth_connection_that_is_refused_is_asked_again(
    site: DumpsSite, part: DumpPart, tmp_path: Path
):
    """Somebody else at this address has three."""
    site.connection_limit = 0

    def free_one_after_a_refusal() -> None:
        while not site.refused:
            time.sleep(0.01)
        site.connection_limit = 3

    threading.Thread(target=free_one_after_a_refusal, daemon=True).start()

    assert read(part, tmp_path)[0].num_rows == 299
    assert site.refused >= 1
