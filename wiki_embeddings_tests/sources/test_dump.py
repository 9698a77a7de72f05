"""Wikimedia's exports as a source: planned, verified, read and counted."""

from __future__ import annotations

import bz2
import dataclasses
import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources import dump
from wiki_embeddings.sources.dump import DumpPart, discard
from wiki_embeddings.sources.dumps_site import ExportFile, UnfinishedExportError
from wiki_embeddings.sources.sampling import keep_mask
from wiki_embeddings.sources.wikitext import CONVERSION
from wiki_embeddings_tests.sources.dump_parts import PAGES, folder_of, plan, read
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.exports import (
    ExportPage,
    complete,
    export_xml,
    write_export,
)

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
