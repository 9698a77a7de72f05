"""Ranges over HTTP: from any server, and from the Hub."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wiki_embeddings import hub_files
from wiki_embeddings.downloads.errors import TransientError
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.search.byte_ranges import ChangedFileError, MissingFileError
from wiki_embeddings.search.http_ranges import HttpRanges
from wiki_embeddings.search.range_sites import hub_site, web_site
from wiki_embeddings_tests.standins.hub import TOKEN
from wiki_embeddings_tests.support.static_site import static_site

LISTS = random.Random(1).randbytes(200_000)
FAR_APART = [(0, 10), (50_000, 50_100), (100_000, 100_001), (199_000, 200_000)]


@pytest.fixture
def site():
    with static_site({"index/lists.bin": LISTS, "empty": b"", "a b#c": b"odd"}) as site:
        yield site


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # between attempts


def opened(site):
    return HttpRanges(web_site(site.url + "/"))


def test_any_ranges_hold_the_bytes_of_the_file(site):
    files = opened(site)

    @given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 60_000)), max_size=8))
    @settings(max_examples=50, deadline=None)
    def holds(spans):
        ranges = [(start, min(start + length, len(LISTS))) for start, length in spans]
        asked = len(site.asked)
        assert files.read("index/lists.bin", ranges) == [LISTS[a:b] for a, b in ranges]
        assert len(site.asked) - asked <= len(ranges)

    holds()


def test_requests_and_bytes_are_counted_and_near_ranges_joined(site):
    files = opened(site)
    near = [(0, 10), (10, 20), (500, 520)]
    assert files.read("index/lists.bin", near) == [LISTS[a:b] for a, b in near]
    assert [range_ for _, range_ in site.asked] == ["bytes=0-519"]
    assert (files.traffic.requests, files.traffic.bytes) == (1, 520)


def test_sizes_come_from_an_answer_or_one_small_request(site):
    files = opened(site)
    assert (files.size("index/lists.bin"), files.size("empty")) == (200_000, 0)
    assert files.size("a b#c") == 3
    assert len(site.asked) == 3
    files.size("index/lists.bin")
    assert len(site.asked) == 3


def test_a_range_after_the_end_of_a_truncated_file_is_refused_at_any_time(site):
    for ranges in ([(199_000, 200_001)], [(200_000, 200_001)], [(0, 1), (300_000, 300_001)]):
        with pytest.raises(BadInputError, match="has 200,000 bytes, but bytes"):
            opened(site).read("index/lists.bin", ranges)


def test_a_missing_file_is_named(site):
    with pytest.raises(MissingFileError, match=r"dataset has no file index/head\.bin"):
        opened(site).size("index/head.bin")


def test_a_server_without_ranges_is_refused_unless_the_whole_file_is_asked_for(site):
    site.honours_ranges = False
    assert opened(site).read("a b#c", [(0, 3)]) == [b"odd"]
    with pytest.raises(BadInputError, match="sends whole files, so a search would download all"):
        opened(site).read("index/lists.bin", [(0, 10)])


def test_a_wrong_range_is_never_taken_for_the_right_one(site):
    site.shifts_ranges_by = 1
    with pytest.raises(WikiEmbeddingsError, match="answers with other bytes than were asked for"):
        opened(site).read("index/lists.bin", [(10, 20)])


def test_a_body_that_breaks_off_is_asked_for_again(site):
    site.statuses = [503, 429]
    assert opened(site).read("index/lists.bin", [(0, 10)]) == [LISTS[:10]]
    site.cuts_after = 5
    with pytest.raises(TransientError, match="the connection to 127"):
        opened(site).read("index/lists.bin", [(0, 10)])


def test_a_file_that_changes_during_a_search_stops_it(site):
    files = opened(site)
    files.read("index/lists.bin", [(0, 10)])
    site.files["index/lists.bin"] = LISTS[:-1] + b"!"
    with pytest.raises(ChangedFileError, match="has changed since it was opened"):
        files.read("index/lists.bin", [(10, 20)])
    site.files["index/lists.bin"] = LISTS[:-1]
    with pytest.raises(ChangedFileError, match="has changed since it was opened"):
        files.read("index/lists.bin", [(199_999, 200_000)])


def test_an_address_is_resolved_once_and_again_when_it_has_expired(site):
    site.signs = True
    files = opened(site)

    def is_resolution(asked):
        return "?" not in asked[0]

    for _ in range(2):
        assert files.read("index/lists.bin", FAR_APART) == [LISTS[a:b] for a, b in FAR_APART]
    assert sum(map(is_resolution, site.asked)) == 1
    site.signature += 1
    with ThreadPoolExecutor(4) as pool:
        reads = list(pool.map(lambda _: files.read("index/lists.bin", FAR_APART), range(4)))
    assert reads == [[LISTS[a:b] for a, b in FAR_APART]] * 4
    assert sum(map(is_resolution, site.asked)) == 2


@pytest.mark.parametrize(
    "url", ["http://", "ftp://example.org/x", "https://example.org/?x", "https://a:1/\n", "//x"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(BadInputError, match="not the address of a dataset"):
        web_site(url)


def test_a_password_in_an_address_is_refused_without_showing_it():
    with pytest.raises(BadInputError, match="without one") as raised:
        web_site("https://ada:secret@example.org/x")
    assert "secret" not in str(raised.value)


def test_a_server_that_does_not_answer_is_named(site, monkeypatch):
    monkeypatch.setattr(site, "statuses", [401])
    with pytest.raises(BadInputError, match="answers with status 401"):
        opened(site).size("empty")
    with pytest.raises(TransientError, match=r"connection to 127\.0\.0\.1:9 fails"):
        HttpRanges(web_site("http://127.0.0.1:9")).size("empty")


def test_a_commit_on_the_hub_is_read_without_sending_the_token_elsewhere(hub, monkeypatch):
    name = "somebody/wikipedia"
    hub.add(name, {"index/lists.parquet": LISTS, "README.md": b"small"}, private=True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    snapshot = hub_files.resolve(name, repo_type="dataset", revision="main")
    files = HttpRanges(hub_site(snapshot))
    hub.add(name, {"index/lists.parquet": b"another snapshot"}, private=True)
    before = len(hub.served)
    assert files.size("index/lists.parquet") == len(LISTS)
    for _ in range(2):
        read = files.read("index/lists.parquet", FAR_APART)
        assert read == [LISTS[a:b] for a, b in FAR_APART]
    assert files.read("README.md", [(1, 3), (3, 5)]) == [b"ma", b"ll"]
    hub.fail("/store/", 403)  # its signature has expired
    assert files.read("index/lists.parquet", [(5, 9)]) == [LISTS[5:9]]
    asked = hub.served[before:]
    assert sum("/resolve/" in served.path for served in asked) == 3
    stored = [served for served in asked if "/store/" in served.path]
    assert len(stored) == 10
    assert not any("authorization" in served.headers for served in stored)
    with pytest.raises(MissingFileError, match="has no file index/head"):
        files.size("index/head")
