"""What the site of exports offers, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings import __version__, settings
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.sources import site_requests
from wiki_embeddings.sources.dumps_site import (
    UnfinishedExportError,
    export_of,
    file_sizes,
    newest_export,
    wiki_id,
)
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.exports import ExportPage, export_folder, served, write_export

PAGES = [ExportPage(n, f"Page {n}", f"Text {n}.") for n in (1, 5, 7, 12)]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    monkeypatch.setattr("wiki_embeddings.downloads.retries.time.sleep", lambda _: None)
    with served(monkeypatch, tmp_path / "site") as site:
        write_export(site.root, "xxwiki", "20261001", PAGES)
        write_export(site.root, "xxwiki", "20261101", PAGES)
        yield site


def sums(site: DumpsSite, date: str = "20261101") -> Path:
    return export_folder(site.root, "xxwiki", date) / "SHA256SUMS"


@pytest.mark.parametrize(
    ("wiki", "name"),
    [
        ("en", "enwiki"),
        ("simple", "simplewiki"),
        ("zh-min-nan", "zh_min_nanwiki"),
        ("zh-yue", "zh_yuewiki"),
        ("be-tarask", "be_x_oldwiki"),
    ],
)
def test_a_wiki_has_the_name_of_its_database(wiki: str, name: str):
    assert wiki_id(wiki) == name


@pytest.mark.parametrize("wiki", ["../en", "En", "zh_yue", "", "en/"])
def test_what_is_no_language_code_never_reaches_an_address(wiki: str):
    with pytest.raises(BadInputError, match="not the language code"):
        wiki_id(wiki)


def test_the_newest_complete_export_is_found_with_its_files(site: DumpsSite):
    export = newest_export("xx")

    folder = export_folder(site.root, "xxwiki", "20261101")
    assert (export.wiki_id, export.snapshot) == ("xxwiki", "20261101")
    assert [file.name for file in export.files] == [
        "xxwiki-2026-11-01-p1p5.xml.bz2",
        "xxwiki-2026-11-01-p7p12.xml.bz2",
    ]
    for file in export.files:
        content = (folder / file.name).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert export.checksums_sha256 == hashlib.sha256(sums(site).read_bytes()).hexdigest()
    assert export.url == f"{site.url}/other/mediawiki_content_current/xxwiki/2026-11-01/xml/bzip2/"
    assert file_sizes(export, export.files) == [
        (folder / file.name).stat().st_size for file in export.files
    ]
    assert site.most_connections == 1


@pytest.mark.parametrize("missing", ["SHA256SUMS", "_SUCCESS"])
def test_an_export_that_is_still_being_written_is_not_the_newest(site: DumpsSite, missing: str):
    (sums(site).parent / missing).unlink()

    assert newest_export("xx").snapshot == "20261001"
    with pytest.raises(UnfinishedExportError, match=r"20261101 is not complete.*still writing"):
        export_of("xx", "20261101")


def test_without_a_complete_export_a_later_try_may_succeed(site: DumpsSite):
    for date in ("20261001", "20261101"):
        sums(site, date).unlink()

    with pytest.raises(UnfinishedExportError, match=r"20261101, 20261001.*still writing"):
        newest_export("xx")


@pytest.mark.usefixtures("site")
def test_an_export_is_found_by_its_date_and_another_date_names_those_that_exist():
    assert export_of("xx", "20261001").snapshot == "20261001"

    with pytest.raises(BadInputError, match=r"no export of xx of 20260901.*20261101, 20261001"):
        export_of("xx", "20260901")
    for wrong in ("2026-11-01", "20261301", "latest", "2026110１"):
        with pytest.raises(BadInputError, match="not the date of an export"):
            export_of("xx", wrong)


def test_a_wiki_that_does_not_exist_or_is_closed_is_refused(site: DumpsSite):
    with pytest.raises(BadInputError, match="no wiki yywiki, so 'yy' is not the language code"):
        newest_export("yy")
    closed = site.root / "other" / "mediawiki_content_current" / "zzwiki"
    closed.mkdir()
    with pytest.raises(BadInputError, match=r"no export of zz.*closed wiki"):
        newest_export("zz")
    (closed / "2026-11-01").mkdir()
    with pytest.raises(BadInputError, match=r"zzwiki/2026-11-01/.*closed wiki"):
        newest_export("zz")


HASH = "0" * 64
NAME = "xxwiki-2026-11-01-p1p5.xml.bz2"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (f"{HASH}  ../{NAME}\n", "line 1 is"),
        (f"{HASH}  /etc/{NAME}\n", "line 1 is"),
        (f"{HASH}  {NAME}\n{HASH}  yywiki-2026-11-01-p1p5.xml.bz2\n", "line 2 is"),
        (f"{HASH}  xxwiki-2026-10-01-p1p5.xml.bz2\n", "line 1 is"),
        (f"{HASH}  xxwiki-2026-11-01-p1p5.xml.gz\n", "line 1 is"),
        (f"{'g' * 64}  {NAME}\n", "line 1 is"),
        (f"{HASH}  {NAME}\n{HASH}  {NAME}\n", "line 2 has a file again"),
        ("<html>Sign in to the network</html>\n", "line 1 is"),
        ("\0\xff\n", "line 1 is"),
        ("", "still being written"),
        (f"{HASH}  {NAME}\n{HASH[:9]}", "ends within a line"),
    ],
)
def test_a_list_of_checksums_of_another_form_is_refused(site: DumpsSite, content: str, fault: str):
    sums(site).write_text(content, encoding="latin-1")

    with pytest.raises(WikiEmbeddingsError, match=fault):
        newest_export("xx")


def test_a_file_that_is_listed_and_not_there_is_noticed_before_anything_is_fetched(site: DumpsSite):
    export = newest_export("xx")
    (sums(site).parent / export.files[1].name).unlink()

    with pytest.raises(UnfinishedExportError, match=r"p7p12\.xml\.bz2 is listed.*withdrawn"):
        file_sizes(export, export.files)


def test_a_busy_site_is_asked_again_when_it_says(site: DumpsSite, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr("wiki_embeddings.downloads.retries.time.sleep", waits.append)
    site.order("SHA256SUMS", status=503, headers={"Retry-After": "17"})

    assert newest_export("xx").snapshot == "20261101"

    assert waits == [17.0]


def test_a_site_that_stays_busy_is_given_up(site: DumpsSite):
    site.order("SHA256SUMS", times=9, status=503)

    with pytest.raises(WikiEmbeddingsError, match="answers with status 503") as caught:
        newest_export("xx")

    assert not isinstance(caught.value, BadInputError)
    assert len(site.requested("SHA256SUMS")) == site_requests.LOOKUP_POLICY.attempts


def test_a_site_that_asks_for_an_hour_is_given_up_at_once(site: DumpsSite):
    site.order("SHA256SUMS", times=9, status=503, headers={"Retry-After": "3600"})

    with pytest.raises(WikiEmbeddingsError, match="503"):
        newest_export("xx")

    assert len(site.requested("SHA256SUMS")) == 1


def test_a_site_that_trickles_is_too_slow(site: DumpsSite, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site_requests, "_LOOKUP_LIMIT_S", 0.1)
    site.order("xxwiki/", times=9, byte_every_s=0.01)

    with pytest.raises(WikiEmbeddingsError, match="too slow"):
        newest_export("xx")


@pytest.mark.usefixtures("site")
def test_an_endless_listing_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wiki_embeddings.sources.dumps_site._LISTING_LIMIT", 100)

    with pytest.raises(WikiEmbeddingsError, match="more than 100 bytes"):
        newest_export("xx")


def test_a_blocked_client_is_told_to_name_a_contact(site: DumpsSite):
    site.order("xxwiki/", status=403)

    with pytest.raises(BadInputError, match=r"403.*WIKI_EMBEDDINGS_CONTACT"):
        newest_export("xx")


def test_a_redirect_to_another_host_is_not_the_origin(site: DumpsSite):
    elsewhere = site.url.replace("127.0.0.1", "localhost") + "/other/"
    site.order("SHA256SUMS", status=302, headers={"Location": elsewhere})
    with pytest.raises(WikiEmbeddingsError, match="redirects to http://localhost, which is not"):
        newest_export("xx")

    site.order(
        "SHA256SUMS", status=302, headers={"Location": str(sums(site))[len(str(site.root)) :]}
    )
    assert newest_export("xx").snapshot == "20261101"


def test_a_site_out_of_reach_is_explained(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("wiki_embeddings.downloads.retries.time.sleep", lambda _: None)
    monkeypatch.setenv("WIKI_EMBEDDINGS_DUMPS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with pytest.raises(WikiEmbeddingsError, match=r"connection fails.*WIKI_EMBEDDINGS_DUMPS_URL"):
        newest_export("xx")


def test_a_wrong_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "https://ada:sesame@nowhere:port")

    with pytest.raises(BadInputError, match="HTTPS_PROXY is not the address of a proxy") as caught:
        newest_export("xx")

    assert "sesame" not in str(caught.value)


def test_the_user_agent_names_the_project_and_the_contact(
    site: DumpsSite, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WIKI_EMBEDDINGS_CONTACT", "ada@example.org")
    newest_export("xx")

    agents = {request.headers["user-agent"] for request in site.requests}
    assert agents == {f"wiki-embeddings/{__version__} (ada@example.org)"}


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("WIKI_EMBEDDINGS_DUMPS_URL", "dumps.wikimedia.org", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_URL", "ftp://dumps.wikimedia.org", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_URL", "https://", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_URL", "https://x:99999", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_MIRROR", "https://mirror/a b", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_MIRROR", "https://mirror/?a=b", "not the address of a site"),
        ("WIKI_EMBEDDINGS_DUMPS_MIRROR", "https://ada:sesame@mirror", "holds a user's name"),
        ("WIKI_EMBEDDINGS_CONTACT", "ada\r\nX-Evil: 1", "cannot stand in a User-Agent"),
        ("WIKI_EMBEDDINGS_CONTACT", "Ada (me)", "cannot stand in a User-Agent"),
        ("WIKI_EMBEDDINGS_CONTACT", "Zoë", "cannot stand in a User-Agent"),
    ],
)
def test_settings_that_cannot_work_are_refused(variable: str, value: str, reason: str):
    with pytest.raises(BadInputError, match=f"{variable} .*{reason}") as caught:
        settings.dumps({variable: value})
    assert "sesame" not in str(caught.value)


def test_settings_have_defaults_and_lose_a_trailing_slash():
    assert settings.dumps({}) == settings.DumpsSettings("https://dumps.wikimedia.org", None, "")
    given = {
        "WIKI_EMBEDDINGS_DUMPS_URL": "http://127.0.0.1:8000/",
        "WIKI_EMBEDDINGS_DUMPS_MIRROR": "https://mirror.example/wikimedia/",
    }
    assert settings.dumps(given) == settings.DumpsSettings(
        "http://127.0.0.1:8000", "https://mirror.example/wikimedia", ""
    )


def test_the_module_loads_no_http_client():
    code = """
import sys
from wiki_embeddings.sources import dumps_site
print(sys.modules.keys() & {"numpy", "pyarrow", "huggingface_hub", "httpx2"})
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout

    assert output == b"set()\n"
