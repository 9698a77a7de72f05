"""Wikimedia's exports as a source: planned, fetched, verified, read and counted."""

from __future__ import annotations

import bz2
import dataclasses
import hashlib
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from wiki_embeddings.downloads.retries import RetryPolicy
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources import dump, export_download
from wiki_embeddings.sources.dump import DumpPart, discard, open_part
from wiki_embeddings.sources.dumps_site import ExportFile, UnfinishedExportError
from wiki_embeddings.sources.protocol import ArticleSelection, SourcePlan
from wiki_embeddings.sources.sampling import keep_mask
from wiki_embeddings.sources.wikitext import CONVERSION
from wiki_embeddings_tests.standins.dumps import DumpsSite, dumps_site
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    complete,
    export_folder,
    export_xml,
    served,
    write_export,
)

PAGES = [
    ExportPage(2, "Cat", "A '''cat''' purrs.", revision_id=77, timestamp="2026-10-30T08:09:10Z"),
    ExportPage(3, "Talk:Cat", "Purr?", namespace=1),
    ExportPage(5, "Cats", "#REDIRECT [[Cat]]", redirect="Cat"),
    ExportPage(6, "Kitten", "#redirect [[Cat]]"),
    ExportPage(8, "Dog", "A [[dog]] & its <!-- no --> bone."),
    ExportPage(9, "Template:Dog", "{{{1}}}", namespace=10),
    ExportPage(10, "Module", "return 1", model="Scribunto"),
    ExportPage(12, "Secret", None),
    ExportPage(14, "Empty", ""),
    ExportPage(20, "Émeu", "An ''emu'' runs."),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    quick = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, read_timeout_s=0.5)
    monkeypatch.setattr(export_download, "FILE_POLICY", quick)
    with served(monkeypatch, tmp_path / "site") as site:
        yield site


def folder_of(site: DumpsSite, date: str = "20261101") -> Path:
    return export_folder(site.root, "xxwiki", date)


def plan(**selected: Any) -> SourcePlan[DumpPart]:
    return dump.plan(ArticleSelection("xx", **selected))


def read(part: DumpPart, scratch: Path) -> tuple[pa.Table, dict[str, int]]:
    units: list[int] = []
    opened = open_part(part, scratch, units.append)
    table = pa.Table.from_batches(opened.batches, schema=RAW_SCHEMA)
    assert sum(units) == part.units
    return table, dict(opened.statistics())


# Plans.


def test_a_plan_names_the_newest_export_and_a_part_for_each_file(site: DumpsSite):
    write_export(site.root, "xxwiki", "20261001", PAGES)
    folder = write_export(site.root, "xxwiki", "20261101", PAGES)

    planned = plan()

    sums = hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()
    assert planned.snapshot == "20261101"
    assert planned.articles is None
    assert dict(planned.settings) == {
        "source": "mediawiki_content_current",
        "wiki_id": "xxwiki",
        "revision": sums,
        "conversion": CONVERSION,
        "fraction": 1.0,
    }
    files = sorted(folder.glob("*.bz2"), key=lambda file: file.name)
    assert [part.size for part in planned.parts] == [file.stat().st_size for file in files]
    assert [(part.first_page, part.last_page) for part in planned.parts] == [(2, 8), (9, 20)]
    assert not site.requested(".bz2"), "planning fetches no file"
    assert plan(snapshot="20261001").snapshot == "20261001"


def test_a_part_pickles_small_and_is_rebuilt_from_its_fields(site: DumpsSite):
    write_export(site.root, "xxwiki", "20261101", PAGES)
    part = plan().parts[0]

    assert len(pickle.dumps(part)) < 1000
    assert DumpPart(**dataclasses.asdict(part)) == part


def test_of_an_oversized_page_only_the_file_with_its_newest_revisions_is_read():
    names = ["p1p9", "p10r100r200", "p10r300r400", "p10r201r299", "p11p20", "p21r5r6"]
    files = [ExportFile(f"xxwiki-2026-11-01-{name}.xml.bz2", "00") for name in names]

    kept = [file.name[18:-8] for file in dump.files_of_newest_revisions(files)]

    assert kept == ["p1p9", "p10r300r400", "p11p20", "p21r5r6"]


@pytest.mark.parametrize(
    ("fraction", "files", "keep"), [(1.0, 4, 1.0), (0.5, 2, 1.0), (0.6, 3, 0.8), (0.1, 1, 0.4)]
)
def test_a_fraction_takes_the_fewest_files(
    site: DumpsSite, fraction: float, files: int, keep: float
):
    write_export(site.root, "xxwiki", "20261101", PAGES, files=4)

    parts = plan(fraction=fraction).parts

    assert [part.keep for part in parts] == pytest.approx([keep] * files)


@pytest.mark.parametrize("fraction", [0.0, 1.5])
def test_a_fraction_out_of_range_is_refused(fraction: float):
    with pytest.raises(BadInputError, match="fraction"):
        plan(fraction=fraction)


# Reading.


def test_articles_are_read_and_every_other_page_is_counted_by_its_reason(
    site: DumpsSite, tmp_path: Path
):
    write_export(site.root, "xxwiki", "20261101", PAGES, files=1)
    (part,) = plan().parts

    table, counts = read(part, tmp_path / "scratch")

    assert table["id"].to_pylist() == [2, 8, 14, 20]
    assert table["title"].to_pylist() == ["Cat", "Dog", "Empty", "Émeu"]
    assert table["text"].to_pylist() == ["A cat purrs.", "A dog & its bone.", "", "An emu runs."]
    assert table["url"].to_pylist()[3] == "https://xx.wikipedia.org/wiki/%C3%89meu"
    assert table["revision_id"].to_pylist() == [77, 80, 140, 200]
    assert table["timestamp"].to_pylist()[0].isoformat() == "2026-10-30T08:09:10+00:00"
    assert counts == {
        "source_articles": 4,
        "pages": 10,
        "pages_in_namespace_0": 8,
        "pages_in_namespace_1": 1,
        "pages_in_namespace_10": 1,
        "left_out_other_namespace": 2,
        "left_out_redirect": 2,
        "left_out_not_wikitext": 1,
        "left_out_missing_text": 1,
    }
    discard(part, tmp_path / "scratch")
    assert not list((tmp_path / "scratch").iterdir())


def test_a_sample_has_the_articles_of_the_keep_mask_and_counts_the_rest(
    site: DumpsSite, tmp_path: Path
):
    pages = [ExportPage(n, f"Page {n}", "Text.") for n in range(1, 500)]
    write_export(site.root, "xxwiki", "20261101", pages, files=1)
    (part,) = plan(fraction=0.25).parts

    table, counts = read(part, tmp_path)

    kept = np.flatnonzero(keep_mask(np.arange(500), 0.25)).tolist()
    assert table["id"].to_pylist() == kept
    assert counts["pages"] == 499
    assert counts["source_articles"] + counts["left_out_not_sampled"] == 499


def test_several_processes_convert_to_the_same_rows_in_the_same_order(
    site: DumpsSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = "The '''river''' flows past [[bridge|bridges]] into the sea. " * 4
    pages = [ExportPage(n, f"River {n}", f"{n}. {text}") for n in range(1, 400)]
    write_export(site.root, "xxwiki", "20261101", pages, files=1)
    (part,) = plan().parts
    monkeypatch.setattr("wiki_embeddings.sources.export_articles.usable_cores", lambda: 1)
    alone, _ = read(part, tmp_path)
    monkeypatch.setattr("wiki_embeddings.sources.export_articles.usable_cores", lambda: 2)
    monkeypatch.setattr("wiki_embeddings.sources.conversion_pool._WITHOUT_POOL_CHARACTERS", 1000)

    together, counts = read(part, tmp_path)

    assert together.combine_chunks().equals(alone.combine_chunks())
    assert counts["source_articles"] == together.num_rows == 399


LARGE_PAGE = """
import resource, sys
from pathlib import Path
from wiki_embeddings.sources.export_articles import read_export
from wiki_embeddings_tests.support.exports import ExportPage, page_xml, xml_pieces

path = Path(sys.argv[1])
def pieces():
    before, after = page_xml(ExportPage(5, "Vast", "@")).split("@")
    yield from list(xml_pieces("xxwiki", [ExportPage(1, "Cat", "A cat.")]))[:-1]
    yield before
    yield from ("some words &lt; " * 100_000 for _ in range(160))  # 208 MB
    yield after
    yield page_xml(ExportPage(9, "Dog", "A dog.")) + "</mediawiki>"
with path.open("w") as file:  # not compressed, which would take a minute
    file.writelines(pieces())
opened = read_export(path, keep=1.0, pages=(1, 9), units=1, progress=lambda _: None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ids = [row for batch in opened.batches for row in batch["id"].to_pylist()]
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(ids, dict(opened.statistics())["left_out_too_large"], (after - before) // 1024)
"""


def test_a_page_of_200_mb_is_skipped_while_it_streams_by(tmp_path: Path):
    command = [sys.executable, "-c", LARGE_PAGE, str(tmp_path / "large.xml")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    *result, used_mib = output.split()
    assert " ".join(result) == "[1, 9] 1"
    assert int(used_mib) < 150


# Faults of the files: published like this, so their checksums are right.


def publish(site: DumpsSite, content: bytes) -> DumpPart:
    folder = folder_of(site)
    folder.mkdir(parents=True)
    (folder / "xxwiki-2026-11-01-p1p99.xml.bz2").write_bytes(content)
    complete(folder)
    (part,) = plan().parts
    return part


XML = export_xml("xxwiki", PAGES)
BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("xml", "fault"),
    [
        (f"<!DOCTYPE mediawiki>{XML}", "declares the document type 'mediawiki'"),
        (f'<!DOCTYPE m [<!ENTITY a0 "ha">{BOMB}]>{XML}', "declares the document type"),
        (
            f'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]>{XML.replace("Purr", "&x;")}',
            "declares the document type",
        ),
        (XML.replace("Purr", "&unknown;"), "undefined entity"),
        (XML[:-200], "after the page 'Empty'"),
        (XML.replace("<title>Dog</title>", f"<title>{'x' * 70_000}</title>"), "more than 65,536"),
        (XML.replace("<page>", f"<!--{'x' * 18_000_000}--><page>", 1), "more than 16 MiB"),
        (XML.replace("</siteinfo>", f"{'<a>' * 20}{'</a>' * 20}</siteinfo>"), "more than 16 deep"),
        (XML.replace("<id>8</id>", "<id>9223372036854775808</id>"), "is not an id"),
        (XML.replace("<ns>10</ns>", "<ns>x</ns>"), "'x'"),
        ("<html>Sign in</html>", "its root element is <html>"),
        ("not XML", "before the first page"),
    ],
)
def test_a_hostile_or_broken_export_is_refused(
    site: DumpsSite, tmp_path: Path, xml: str, fault: str
):
    part = publish(site, bz2.compress(xml.encode()))

    with pytest.raises(BadInputError, match="published like this") as caught:
        read(part, tmp_path)

    assert fault in str(caught.value)


def test_a_damaged_block_in_the_middle_is_noticed(site: DumpsSite, tmp_path: Path):
    noise = np.random.default_rng(0).bytes(1_500_000).hex()
    pages = [ExportPage(1, "Cat", "A cat."), ExportPage(2, "Noise", noise), *PAGES[4:]]
    content = bytearray(bz2.compress(export_xml("xxwiki", pages).encode()))
    content[len(content) // 2] ^= 0x10
    part = publish(site, bytes(content))

    with pytest.raises(BadInputError, match=r"reading stopped .*CRC.*published like this"):
        read(part, tmp_path)


def test_an_export_without_a_page_gives_no_rows(site: DumpsSite, tmp_path: Path):
    write_export(site.root, "xxwiki", "20261101", [])
    (part,) = plan().parts

    table, counts = read(part, tmp_path)

    assert (table.num_rows, counts) == (0, {})


def test_an_export_that_is_withdrawn_after_planning_says_so(site: DumpsSite, tmp_path: Path):
    folder = write_export(site.root, "xxwiki", "20261101", PAGES, files=1)
    (part,) = plan().parts
    (folder / part.name).unlink()

    with pytest.raises(BadInputError, match="withdrawn it since it was planned"):
        read(part, tmp_path)
    with pytest.raises(UnfinishedExportError, match="withdrawn"):
        plan()


# Faults of the way.


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
