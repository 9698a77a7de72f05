from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings.stages.article_columns import gone_ids, gone_pages, missing_titles
from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.support.raw_outputs import write_raw

PAGES = st.integers(1, 60)


def in_files(bounds: list[int], ids: set[int]) -> list[dict[int, str]]:
    """Deal pages to files: neighbours together, and every seventh page anywhere."""
    files: list[dict[int, str]] = [{} for _ in range(len(bounds) + 1)]
    for page in ids:
        number = sum(page >= bound for bound in bounds) if page % 7 else page % len(files)
        files[number][page] = f"Page {page}"
    return files


@settings(max_examples=30)
@given(
    before=st.sets(PAGES),
    after=st.sets(PAGES),
    bounds=st.lists(st.lists(PAGES, max_size=3), min_size=2, max_size=2),
)
def test_gone_pages_are_those_of_the_first_set_that_the_second_lacks(before, after, bounds):
    with tempfile.TemporaryDirectory() as folder:
        volume = Volume(Path(folder))
        earlier = write_raw(volume, "20261001", in_files(bounds[0], before))
        later = write_raw(volume, "20261101", in_files(bounds[1], after))
        assert sorted(gone_ids(volume, earlier, later)) == sorted(before - after)
        gone = gone_pages(volume, earlier, later, shown=5)
        assert gone.number == len(before - after)
        assert len(gone.titles) == min(5, gone.number)
        assert set(gone.titles) <= {f"Page {page}" for page in before - after}


def test_the_titles_that_are_shown_come_from_everywhere_and_are_always_the_same(volume):
    earlier = write_raw(volume, "20261001", [{page: f"Page {page}" for page in range(1, 301)}])
    later = write_raw(volume, "20261101", [{1: "Page 1"}])
    gone = gone_pages(volume, earlier, later, shown=20)
    assert gone.number == 299
    assert gone == gone_pages(volume, earlier, later, shown=20)
    shown = [int(title.removeprefix("Page ")) for title in gone.titles]
    assert shown == sorted(set(shown))
    assert len(shown) == 20
    assert shown[5] < 150 < shown[14]


def test_a_moved_page_is_not_gone(volume):
    earlier = write_raw(volume, "20261001", [{7: "Bombay", 8: "Pune"}])
    later = write_raw(volume, "20261101", [{7: "Mumbai", 8: "Pune", 9: "Delhi"}])
    assert gone_pages(volume, earlier, later, shown=5).number == 0


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Alan Turing", "Alan Turing"),
        ("alan_Turing", "Alan Turing"),
        ("  Alan__Turing ", "Alan Turing"),
        ("élan vital", "Élan vital"),
        ("e\u0301lan vital", "Élan vital"),
        ("ß", "ß"),
        ("\u200eملخص", "ملخص"),
        ("coi", "coi"),  # in Lojban, titles begin with small letters
    ],
)
def test_a_title_is_found_as_people_write_it(volume, written, title):
    raw = write_raw(volume, "20261101", [{1: "Other"}, {2: "Another", 3: title}])
    assert missing_titles(volume, raw, [written]) == []


def test_titles_without_an_article_are_returned_as_they_were_written(volume):
    raw = write_raw(volume, "20261101", [{1: "Apple"}, {2: "Pear"}])
    assert missing_titles(volume, raw, ["no_such thing", "pear", "APPLE"]) == [
        "no_such thing",
        "APPLE",
    ]
