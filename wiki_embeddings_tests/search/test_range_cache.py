"""What was read before is kept, up to a bound."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from wiki_embeddings.search.byte_ranges import FolderRanges
from wiki_embeddings.search.range_cache import CachedRanges, RangeCache, clear

CONTENT = bytes(range(256)) * 40
RANGES = [(0, 1000), (5000, 6000), (9000, 9000)]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lists").write_bytes(CONTENT)
    return FolderRanges(tmp_path / "data")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "ranges.db"


def opened(files, path, limit=10**6, origin="a@1"):
    return CachedRanges(files, RangeCache(path, limit), origin)


def test_what_was_read_once_needs_no_file_any_more(files, path):
    first = opened(files, path)
    assert first.size("lists") == len(CONTENT)
    assert first.read("lists", RANGES) == [CONTENT[a:b] for a, b in RANGES]
    (files.folder / "lists").unlink()
    again = opened(FolderRanges(files.folder), path)
    assert again.size("lists") == len(CONTENT)
    assert again.read("lists", RANGES[::-1]) == [CONTENT[a:b] for a, b in RANGES[::-1]]
    assert again.traffic.requests == 0


def test_another_commit_has_a_cache_of_its_own(files, path):
    opened(files, path).read("lists", RANGES)
    before = files.traffic.requests
    opened(files, path, origin="a@2").read("lists", RANGES)
    assert files.traffic.requests == before + 3


def test_what_was_not_used_for_longest_goes_first(files, path):
    cached = opened(files, path, limit=3500)
    cached.read("lists", [(0, 1000)])
    cached.read("lists", [(1000, 2000)])
    cached.read("lists", [(0, 1000)])
    cached.read("lists", [(2000, 3000)])
    cached.read("lists", [(3000, 4000)])
    before = files.traffic.requests
    cached.read("lists", [(0, 1000), (3000, 4000)])
    assert files.traffic.requests == before
    cached.read("lists", [(1000, 2000)])
    assert files.traffic.requests == before + 1


@pytest.mark.parametrize("damage", [b"no database" * 500, b"", CONTENT])
def test_a_damaged_cache_costs_only_another_read(files, path, damage):
    opened(files, path).read("lists", RANGES)
    clear(path)
    path.write_bytes(damage)
    for _ in range(2):
        assert opened(files, path).read("lists", RANGES) == [CONTENT[a:b] for a, b in RANGES]
    before = files.traffic.requests
    opened(files, path).read("lists", RANGES)
    assert files.traffic.requests == before, "kept again"


def test_an_altered_byte_is_noticed(files, path):
    opened(files, path).read("lists", [(0, 1000)])
    with RangeCache(path, 1)._opened() as database:
        database.execute("UPDATE ranges SET content = zeroblob(1000)")
    assert opened(files, path).read("lists", [(0, 1000)]) == [CONTENT[:1000]]


def test_a_home_that_cannot_be_written_to_only_warns(files, path, caplog):
    path.parent.write_bytes(b"a file where the home should be")
    assert opened(files, path).read("lists", RANGES) == [CONTENT[a:b] for a, b in RANGES]
    assert "Searching without the cache" in caplog.text


def test_ten_searches_may_share_it(files, path):
    caches = [opened(files, path) for _ in range(5)] * 2

    def read(cached):
        return [cached.read("lists", [(n * 100, n * 100 + 100)])[0] for n in range(20)]

    with ThreadPoolExecutor(10) as pool:
        assert all(b"".join(parts) == CONTENT[:2000] for parts in pool.map(read, caches))
