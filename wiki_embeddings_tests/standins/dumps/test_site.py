"""The stand-in, asked by the standard library's HTTP client."""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.dumps import DumpsSite, dumps_site

CONTENT = bytes(range(256)) * 1000
FILE = "/other/wiki/2026-11-01/a file.xml"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[DumpsSite]:
    folder = tmp_path / "other" / "wiki" / "2026-11-01"
    folder.mkdir(parents=True)
    (folder / "a file.xml").write_bytes(CONTENT)
    with dumps_site(tmp_path) as site:
        yield site


def connect(site: DumpsSite, timeout: float = 5.0) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(site.url.removeprefix("http://"), timeout=timeout)


def ask(site: DumpsSite, path: str = FILE, method: str = "GET", **headers: str):
    request = urllib.request.Request(
        site.url + path.replace(" ", "%20"), headers=headers, method=method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return opener.open(request, timeout=5)


def test_a_file_is_served_whole_and_in_ranges(site: DumpsSite):
    with ask(site) as answer:
        assert (answer.status, answer.read()) == (200, CONTENT)
    with ask(site, Range="bytes=1000-") as answer:
        assert (answer.status, answer.read()) == (206, CONTENT[1000:])
        assert answer.headers["Content-Range"] == f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"
    with ask(site, method="HEAD") as answer:
        assert (answer.headers["Content-Length"], answer.read()) == (str(len(CONTENT)), b"")
    with pytest.raises(urllib.error.HTTPError, match="416"):
        ask(site, Range=f"bytes={len(CONTENT)}-")
    assert site.body_bytes == {FILE.replace(" ", "%20"): 2 * len(CONTENT) - 1000}


def test_folders_are_listed_and_nothing_outside_the_root_is_served(site: DumpsSite, tmp_path: Path):
    with ask(site, "/other/wiki/") as answer:
        assert b'<a href="2026-11-01/">2026-11-01/</a>' in answer.read()
    with ask(site, "/other/wiki") as answer:
        assert answer.url == f"{site.url}/other/wiki/"
    with ask(site, "/other/wiki/2026-11-01/") as answer:
        assert b'<a href="a%20file.xml">a file.xml</a>' in answer.read()
    (tmp_path.parent / "secret").touch()
    for path in ("/nothing", "/../secret", "/%2e%2e/secret"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(site, path)


def test_a_fourth_connection_is_refused_until_another_one_closes(site: DumpsSite):
    kept = [connect(site) for _ in range(3)]
    for connection in kept:
        connection.request("HEAD", "/other/")
        assert connection.getresponse().read() == b""
    fourth = connect(site)
    fourth.request("GET", "/other/")
    answer = fourth.getresponse()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    answer.read()
    assert (site.most_connections, site.refused) == (4, 1)
    for connection in kept:
        connection.close()
    fourth.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            ask(site, "/other/").close()
            return
        except urllib.error.HTTPError:  # the site has not seen the others close yet
            time.sleep(0.01)
    pytest.fail("the site keeps refusing")


def test_faults_happen_as_ordered_and_then_no_more(site: DumpsSite):
    site.order(".xml", status=503, headers={"Retry-After": "7"})
    with pytest.raises(urllib.error.HTTPError, match="503") as caught:
        ask(site)
    assert caught.value.headers["Retry-After"] == "7"
    caught.value.close()
    site.order(".xml", cut_after=10)
    with pytest.raises(http.client.IncompleteRead, match="10 bytes read"), ask(site) as answer:
        answer.read()
    site.order(".xml", alters=True)
    with ask(site) as answer:
        assert answer.read() == CONTENT[:-1] + b"\xfe"
    site.order(".xml", ignores_range=True)
    with ask(site, Range="bytes=5-") as answer:
        assert (answer.status, answer.read()) == (200, CONTENT)
    site.order(".xml", without_length=True)
    with ask(site) as answer:
        assert (answer.headers["Content-Length"], answer.read()) == (None, CONTENT)
    site.order(".xml", status=302, headers={"Location": "/other/"})
    with ask(site) as answer:
        assert answer.url == f"{site.url}/other/"
    with ask(site) as answer:
        assert answer.read() == CONTENT


def test_a_stalled_body_ends_with_the_site_and_a_trickle_comes_byte_by_byte(site: DumpsSite):
    site.order(".xml", byte_every_s=0.01, cut_after=3)
    with pytest.raises(http.client.IncompleteRead, match="3 bytes read"), ask(site) as answer:
        answer.read()
    site.order(".xml", stall_after=4)
    connection = connect(site, timeout=0.2)
    connection.request("GET", FILE.replace(" ", "%20"))
    answer = connection.getresponse()
    assert answer.read(4) == CONTENT[:4]
    with pytest.raises(TimeoutError):
        answer.read(1)
    connection.close()


def test_a_defect_of_the_server_fails_the_test(tmp_path: Path):
    def use() -> None:
        with dumps_site(tmp_path) as site:
            site.root = None  # type: ignore[assignment]
            connection = connect(site)
            connection.request("GET", "/")
            with pytest.raises(http.client.RemoteDisconnected):
                connection.getresponse()
            connection.close()

    before = threading.active_count()
    with pytest.raises(ExceptionGroup, match="defects of the site"):
        use()
    assert threading.active_count() <= before + 1
