from __future__ import annotations

import bz2
import gzip
import tracemalloc

import pytest

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.sources.wikitext.conversion import convert
from wiki_embeddings.sources.xml_export import Page, iter_pages, only_articles, read_site_info

SITEINFO = """\
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <base>https://fr.wikipedia.org/wiki/Wikip%C3%A9dia:Accueil_principal</base>
    <namespaces>
      <namespace key="0" case="first-letter" />
      <namespace key="6" case="first-letter">Fichier</namespace>
      <namespace key="10" case="first-letter">Modèle</namespace>
      <namespace key="14" case="first-letter">Catégorie</namespace>
    </namespaces>
  </siteinfo>
"""


def revision(text: str, timestamp: str = "2016-05-01T00:00:00Z") -> str:
    return f"""\
    <revision>
      <id>7</id>
      <timestamp>{timestamp}</timestamp>
      <contributor><username>X</username><id>3</id></contributor>
      <text xml:space="preserve">{text}</text>
    </revision>
"""


def page(number: int, title: str, *revisions: str, namespace: int = 0, redirect: str = "") -> str:
    redirects = f'<redirect title="{redirect}" />' if redirect else ""
    return f"""\
  <page>
    <title>{title}</title><ns>{namespace}</ns><id>{number}</id>{redirects}
{"".join(revisions) or revision(f"Text of {title}.")}  </page>
"""


def export(*pages: str, siteinfo: str = SITEINFO) -> str:
    namespace = "http://www.mediawiki.org/xml/export-0.11/"
    return (
        f'<mediawiki xmlns="{namespace}" version="0.11" xml:lang="fr">\n'
        f"{siteinfo}{''.join(pages)}</mediawiki>\n"
    )


@pytest.fixture
def dump(tmp_path):
    return tmp_path / "dump.xml"


def test_of_several_revisions_the_newest_is_read(dump):
    older, newer = revision("Old.", "2015-01-01T00:00:00Z"), revision("New &lt;b&gt; ''text''.")
    dump.write_text(export(page(12, "Éléphant d'Asie", older, newer)))

    assert list(iter_pages(dump)) == [
        Page(
            id=12,
            namespace=0,
            title="Éléphant d'Asie",
            url="https://fr.wikipedia.org/wiki/%C3%89l%C3%A9phant%20d%27Asie",
            redirect=None,
            revision_id=7,
            timestamp="2016-05-01T00:00:00Z",
            left_out=None,
            wikitext="New <b> ''text''.",
        )
    ]


def test_an_export_may_lack_the_ids_of_revisions(dump):
    dump.write_text(export(page(12, "Chat")).replace("<id>7</id>", ""))

    assert [read.revision_id for read in iter_pages(dump)] == [None]


@pytest.mark.parametrize(
    "encode",
    [
        lambda xml: xml.encode(),
        lambda xml: xml.encode("utf-16"),
        lambda xml: bz2.compress(xml.encode()),
        lambda xml: bz2.compress(xml[:300].encode()) + bz2.compress(xml[300:].encode()),
        lambda xml: gzip.compress(xml.encode()),
    ],
    ids=["plain", "UTF-16", "bzip2", "bzip2 in several streams", "gzip"],
)
def test_compression_and_encoding_are_recognised_by_content(dump, encode):
    dump.write_bytes(encode(export(page(1, "Été"), page(2, "Hiver"))))

    assert [read.title for read in iter_pages(dump)] == ["Été", "Hiver"]


def test_redirects_and_pages_of_other_namespaces_are_not_articles(dump):
    dump.write_text(
        export(
            page(1, "Chat"),
            page(2, "Le chat", redirect="Chat"),
            page(3, "Modèle:Chat", namespace=10),
            page(4, "Chien"),
        )
    )

    assert [read.redirect for read in iter_pages(dump)] == [None, "Chat", None, None]
    assert [read.id for read in only_articles(iter_pages(dump))] == [1, 4]


@pytest.mark.parametrize(
    ("title", "url"),
    [
        ("Albert Einstein", "https://fr.wikipedia.org/wiki/Albert%20Einstein"),
        ("AC/DC", "https://fr.wikipedia.org/wiki/AC/DC"),
        ("Ada (nom)", "https://fr.wikipedia.org/wiki/Ada%20%28nom%29"),
        ("100 % ?", "https://fr.wikipedia.org/wiki/100%20%25%20%3F"),
    ],
)
def test_urls_are_encoded_like_those_of_wikimedias_dataset(dump, title, url):
    dump.write_text(export(page(1, title)))

    assert next(iter_pages(dump)).url == url


def test_the_site_names_its_language_and_namespaces(dump):
    dump.write_text(export(page(1, "Chat")))

    site = read_site_info(dump)

    assert site.language == "fr"
    assert site.namespaces[10] == "Modèle"
    assert site.hidden_namespaces == {"Fichier", "Catégorie"}


def test_without_siteinfo_the_url_follows_from_the_language(dump):
    dump.write_text(export(page(1, "Chat"), siteinfo=""))

    assert read_site_info(dump).namespaces == {}
    assert next(iter_pages(dump)).url == "https://fr.wikipedia.org/wiki/Chat"


def test_a_page_may_be_empty(dump):
    dump.write_text(export(page(1, "Chat", revision(""))))

    assert next(iter_pages(dump)).wikitext == ""


def test_memory_does_not_grow_with_the_number_of_pages(dump):
    text = revision("word " * 4_000)
    dump.write_text(export(*(page(number, "Page", text) for number in range(1_000))))
    tracemalloc.start()

    try:
        count = sum(1 for _ in iter_pages(dump))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 1_000
    assert peak_bytes < dump.stat().st_size / 10


def test_the_error_for_a_truncated_dump_names_the_last_page_read(tmp_path):
    whole = bundled_dump().read_bytes()
    cut = tmp_path / "cut.xml.bz2"
    cut.write_bytes(whole[: len(whole) // 2])

    titles: list[str] = []
    with pytest.raises(BadInputError) as caught:
        titles.extend(read.title for read in iter_pages(cut))

    assert titles
    assert str(cut) in str(caught.value)
    assert f"after the page {titles[-1]!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (export(page(1, "Un"), page(2, "Deux"))[:-40].encode(), "after the page 'Un' (id 1)"),
        (bz2.compress(export(page(1, "Un")).encode())[:-9], "before the first page"),
        (gzip.compress(export(page(1, "Un")).encode())[:-9], "EOFError"),
        (b"BZh9 is not bzip2", "before the first page"),
        (b"\x1f\x8b is not gzip", "not a complete MediaWiki XML export"),
        (b"Not found", "before the first page"),
        (b"", "before the first page"),
        (b"<rss><channel/></rss>", "its root element is <rss>"),
        (b"<mediawiki></mediawiki>", "it has no pages"),
        (export("<page><title>A</title><ns>0</ns></page>").encode(), "a <page> has no <revision>"),
        (export(page(1, "Un").replace("<id>1</id>", "<id>x</id>")).encode(), "'x'"),
    ],
)
def test_anything_but_a_complete_export_is_refused(dump, content, message):
    dump.write_bytes(content)

    with pytest.raises(BadInputError) as caught:
        list(iter_pages(dump))

    assert str(dump) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_is_refused(dump):
    with pytest.raises(BadInputError, match="No such file"):
        read_site_info(dump)


def test_a_bulgarian_dump_is_read_and_converted():
    path = bundled_dump().with_name("bgwiki-latest-pages-articles-shortened.xml.bz2")
    site = read_site_info(path)

    [article] = only_articles(iter_pages(path))
    text = convert(article.wikitext, site.hidden_namespaces).text

    assert site.hidden_namespaces == {"Файл", "Медия", "Категория"}
    assert article.title == "Григориански календар"
    assert text.startswith(
        "Григорианският календар (понякога наричан и Грегориански календар, „нов стил“) е "
        "съвременният международно признат светски календар"
    )
    assert "Категория" not in text
    assert "|" not in text


def test_articles_that_are_mostly_tables_keep_only_their_prose():
    path = bundled_dump().with_name("enwiki-table-markup.xml.bz2")
    texts = {
        article.title: convert(article.wikitext).text for article in only_articles(iter_pages(path))
    }

    assert list(texts) == [
        "Constructive vote of no confidence",
        "List of Prison Break characters",
        "Academy Award for Best Production Design",
        "Economy of Estonia",
        "Brahui language",
    ]
    assert texts["Academy Award for Best Production Design"].endswith(
        "See also\n\nBAFTA Award for Best Production Design\n"
        "Critics' Choice Movie Award for Best Art Direction"
    )
    assert not [title for title, text in texts.items() if "|" in text or "style=" in text]
