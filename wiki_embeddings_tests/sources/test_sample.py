from __future__ import annotations

import re
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings.errors import BadInputError
from wiki_embeddings.schemas import RAW_SCHEMA
from wiki_embeddings.sources.protocol import ArticleSelection
from wiki_embeddings.sources.sample import BATCH_ARTICLES, SamplePart, open_part, plan
from wiki_embeddings.sources.xml_export import iter_pages, only_articles
from wiki_embeddings.stages import fetch


def read_ids(part: SamplePart) -> list[int]:
    batches = open_part(part, lambda _: None).batches
    return pa.Table.from_batches(batches, RAW_SCHEMA).column("id").to_pylist()


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """All articles of all parts."""
    opened = [open_part(part, lambda _: None) for part in plan().parts]
    return pa.Table.from_batches([batch for part in opened for batch in part.batches], RAW_SCHEMA)


@pytest.fixture(scope="module")
def texts(table) -> dict[str, str]:
    return dict(
        zip(table.column("title").to_pylist(), table.column("text").to_pylist(), strict=True)
    )


def test_the_sample_has_every_article_of_the_dump_in_order_of_ids(table):
    pages = list(only_articles(iter_pages(bundled_dump())))

    assert table.num_rows == 106
    assert table.column("id").to_pylist() == sorted(page.id for page in pages)
    assert table.column("title")[0].as_py() == "Anarchism"
    assert table.column("url")[0].as_py() == "https://en.wikipedia.org/wiki/Anarchism"
    assert "AccessibleComputing" not in table.column("title").to_pylist()  # a redirect


def test_every_article_names_its_revision_and_its_headings(table):
    albedo = table.filter(pc.equal(table["title"], "Albedo")).to_pylist()[0]

    assert albedo["revision_id"] == 715952044
    assert albedo["timestamp"] == datetime(2016, 4, 18, 23, 12, 22, tzinfo=UTC)
    titles = [albedo["text"][h["start"] :].partition("\n")[0] for h in albedo["headings"]]
    assert [h["level"] for h in albedo["headings"]][:4] == [2, 3, 2, 2]
    assert titles[:3] == [
        "Terrestrial albedo",
        "White-sky and black-sky albedo",
        "Astronomical albedo",
    ]
    assert not any(table[name].null_count for name in ("revision_id", "timestamp", "headings"))


def test_every_article_has_text(texts):
    assert [title for title, text in texts.items() if len(text) < 300] == []


def test_the_snapshot_is_the_day_of_the_newest_revision():
    newest = max(page.timestamp for page in iter_pages(bundled_dump()))

    assert plan().snapshot == newest[:10].replace("-", "") == "20160501"


def test_parts_are_contiguous_and_nearly_equal():
    parts = plan().parts

    assert [part.index for part in parts] == [0, 1, 2, 3]
    assert parts[0].first == 0
    assert [part.first for part in parts[1:]] == [part.last for part in parts[:-1]]
    assert [part.units for part in parts] == [26, 27, 26, 27]


def test_progress_counts_each_article_and_rows_are_known_before_reading():
    progress: list[int] = []
    part = plan(0.2).parts[0]

    opened = open_part(part, progress.append)
    assert progress == []

    batches = list(opened.batches)
    assert sum(progress) == sum(batch.num_rows for batch in batches) == part.units
    assert all(batch.schema == RAW_SCHEMA for batch in batches)
    assert all(batch.num_rows <= BATCH_ARTICLES for batch in batches)


@pytest.mark.parametrize(("fraction", "count"), [(0.0001, 1), (0.05, 5), (0.5, 53), (1.0, 106)])
def test_a_fraction_keeps_that_share_and_at_least_one_article(fraction, count):
    assert sum(part.units for part in plan(fraction).parts) == count
    assert all(part.units for part in plan(fraction).parts)


def test_a_larger_fraction_keeps_what_a_smaller_one_keeps():
    smaller, larger = (
        {number for part in plan(fraction).parts for number in read_ids(part)}
        for fraction in (0.03, 0.06)
    )

    assert len(smaller) == 3
    assert smaller < larger


def test_a_fraction_always_keeps_the_same_articles():
    assert [read_ids(part) for part in plan(0.03).parts] == [[334], [344], [766]]


def test_the_output_folder_is_the_same_as_in_earlier_versions():
    planned = fetch.plan(ArticleSelection("sample"), articles_per_shard=8)

    assert planned.folder == "sample/raw/217d71d5fbe6d2cd"


@pytest.mark.parametrize("fraction", [0.0, -1.0, 1.01, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(BadInputError, match="above 0 and at most 1"):
        plan(fraction)


BEGINNINGS = {
    "Anarchism": (
        "Anarchism is a political philosophy that advocates self-governed societies based on "
        "voluntary institutions. These are often described as stateless societies, although "
        "several authors have defined them more specifically as institutions based on "
        "non-hierarchical free associations. Anarchism considers the state to be undesirable, "
        "unnecessary, and harmful. While anti-statism is central, anarchism entails opposing "
        "authority or hierarchical organisation in the conduct of all human relations, "
        "including, but not limited to, the state system.\n\nAnarchism draws on"
    ),
    "Autism": (
        "Autism is a neurodevelopmental disorder characterized by impaired social interaction, "
        "verbal and non-verbal communication, and restricted and repetitive behavior. Parents "
        "usually notice signs in the first two years of their child's life."
    ),
    "Albedo": (
        'Albedo or reflection coefficient, derived from Latin albedo "whiteness" (or reflected '
        'sunlight) in turn from albus "white", is the diffuse reflectivity or reflecting power '
        "of a surface.\n\nIt is the ratio of reflected radiation"
    ),
    "A": (
        "A (plural As, A's, as, a's or aes) is the first letter and the first vowel in the ISO "
        "basic Latin alphabet. It is similar to the Ancient Greek letter alpha, from which it "
        "derives."
    ),
    "Achilles": (
        "In Greek mythology, Achilles (Ancient Greek: Ἀχιλλεύς, Akhilleus) was a Greek hero of "
        "the Trojan War"
    ),
    "Ayn Rand": (
        "Ayn Rand (born Alisa Zinov'yevna Rosenbaum, Russian: Али́са Зино́вьевна Розенба́ум; "
        "February 2 [O.S. January 20] 1905 – March 6, 1982) was a Russian-born American novelist"
    ),
    "Aikido": "Aikido (合気道, Aikidō) is a modern Japanese martial art",
    "Algeria": (
        "Algeria (Arabic: الجزائر al-Jazā'ir; Berber: ⵍⵣⵣⴰⵢⴻⵔ Dzayer), officially People's "
        "Democratic Republic of Algeria, is a sovereign state"
    ),
    "Aruba": (
        "Aruba is a constituent country of the Kingdom of the Netherlands in the southern "
        "Caribbean Sea, located about 1,600 km west of the main part of the Lesser Antilles and "
        "29 km north of the coast of Venezuela."
    ),
}


@pytest.mark.parametrize("title", BEGINNINGS)
def test_an_article_begins_with_what_a_reader_sees(texts, title):
    assert texts[title].startswith(BEGINNINGS[title])


EXCERPTS = [
    ("Albedo", "drop below −40 °C"),
    ("Albedo", "forcing for black carbon aerosols from fossil fuels is +0.2 W m⁻², with a range"),
    ("Albedo", "\n\nSee also\n\nCool roof\nDaisyworld\nEmissivity\n"),
    ("Acid", "\n\nH3O⁺(aq) + OH⁻(aq) ⇌ H2O(l) + H2O(l)\n\n"),
    ("Acid", "\nCH3COOH + NH3 ⇌ CH3COO⁻ + NH4⁺\n"),
    ("Algorithm", "\n\n  5 REM Euclid's algorithm for greatest common divisor\n  6 PRINT"),
    ("Algorithm", "\nlargest ← L[0]\nfor each item in L, do\n"),
    ("Apollo 11", "After rendezvous with Columbia, Eagle's ascent stage was jettisoned"),
    ("Arithmetic mean", "\n\nA=\\frac{1}{n}\\sum_{i=1}^n a_i.\n\n"),
    ("ASCII", "the shifted values of 23456789- were \"#$%_&'() – early typewriters omitted"),
    ("ASCII", "standard on computers—following the IBM PC (1981)"),
    ("Autism", "As of 2010, the number of people affected is estimated at about 1–2 per 1,000"),
    ("Abstract (law)", "\nArticle 85 EPC and Rule 47 EPC (previously Rule 33 EPC 1973), defining"),
    ("Alkane", "have the general chemical formula CnH2n+2. For example, methane is CH4"),
    ("Allah", "(الله الأب) for God the Father"),
]


@pytest.mark.parametrize(("title", "excerpt"), EXCERPTS)
def test_passages_with_difficult_markup_read_well(texts, title, excerpt):
    assert excerpt in texts[title]


# Each pattern with the articles that rightly contain it: in formulas, code, and authors' own text.
RESIDUES = {
    r"\|": {"ASCII", "Afghanistan", "Ambiguity"},
    r"[{}]": {
        "ASCII",
        "Acid",
        "Albedo",
        "Ambiguity",
        "Analysis of variance",
        "Arithmetic mean",
    },
    r"\[\[|\]\]|''|==|__[A-Z]": set(),
    r"\b(?:thumb\||frameless|upright=)|[0-9]px\b": set(),
    r"<(?!>|10 ppm)(?! \.>)": set(),
    r"&#?[A-Za-z0-9]+;": set(),
    r"(?i)\b(?:category|file|image|media):\S": set(),
    r"(?m)^(?:de|fr|es|ja|ru|zh|simple|be-x-old):": set(),
    r"\bref name|\bcite (?:book|web)\b": set(),
    r"[(\[] | [)\]]": {"Acid", "Albedo", "Arithmetic mean"},
    r"\(\)|[(\[][,;:]": {"ASCII"},
    r" [,;](?:\s|$)": {"ASCII"},
    r"(?m)^[,;:)\]]": set(),
    r"(?<!\n)  |[^\S\n ]": set(),
    "[\u200b\u200e\u200f\u00ad\ufdd0-\ufdef\U000f0000-\U000fffff]": set(),
    r"\n\n\n|^\s|\s$": set(),
}


@pytest.mark.parametrize("pattern", RESIDUES)
def test_no_markup_is_left_in_any_article(texts, pattern):
    found = {title for title, text in texts.items() if re.search(pattern, text)}

    assert found == RESIDUES[pattern]
