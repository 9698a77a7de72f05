"""No sentence of the sample has a hole where a template stood."""

from __future__ import annotations

import re

import pytest

from wiki_embeddings.bundled import bundled_dump
from wiki_embeddings.sources.wikitext.conversion import convert
from wiki_embeddings.sources.xml_export import iter_pages, only_articles, read_site_info

HOLES = [
    r"\b(?:of|at|by|from|with|about|approximately|around|between|the|an?) [,.;:)](?=\s|$)",
    r"\b(?:in|to|on|for) [,.;)](?=\s|$)",
    r"\bof (?:in|at|on|by|and|is|was)\b",
    r"\b(?:at|with|from) (?:in|of|at|by|with|is|was)\b",
    r"\b(?:born|died) (?:on|in) (?:and|in)\b",
    r"\babout (?:in|of|is|was)\b",
    r"\b(?:is|was|are|were) [,.;)](?=\s|$)",
    r"[$£€¥] ?\(",
    r"[$£€¥](?=[,.;)]|$)",
    r"\( *\)",
    r"\([,;:]",
    r" [,;](?=\s|$)",
    r"(?<! \.)(?<!\.) \.(?= [A-Z]|$)",
    r"\([-–—] *\)",
    r"\( *[-–—] |[ \d][-–—] *\)",
    r"\( *(?:born|died|b\.|d\.|or|and) *\)",
    r"(?<=\S)  +(?=\S)",
    r",,|;;|,\.(?!\.)|;\.",
    r"\band and\b|\bor or\b",
]
"""What a reader takes for a missing word."""

BY_THE_AUTHORS = [
    "currency symbols (e.g. £, ¥)",  # the signs are what the sentence is about
    "79 yen/US$.",
    "pound sterling (£).",
    "stands at 1100 $).",
    "methylene, –CH2–)",  # a formula
    "disposed of by",
    "consideration of and response",
    "widest variety of and most stable",
    "strength of at least",
    "possessed of and",
    "from at least",
    '"It is . . . important',
    "#$%_&'()",  # a row of a keyboard
    "did not shift , (comma)",
    "instead of in",
    "disposed of in",
    "admiration of and less conflict",
    "instead of or",
    "looked at from",
    "to work with and",
    "interact with and",
    "autism with and",
    "slightly forgiving of and",
    "obtained from by Zhivotovsky",  # the author left out a word
    "Joscelyn Godwin (1945–) stated",
]
"""Passages in which the authors wrote what looks like a hole."""


@pytest.fixture(scope="module")
def prose():
    """The lines of all articles, without formulas and program code."""
    site = read_site_info(bundled_dump())
    lines = []
    for article in only_articles(iter_pages(bundled_dump())):
        source = re.sub(
            r"<(math|pre|source|code)\b.*?</\1>", "formula", article.wikitext, flags=re.DOTALL
        )
        lines += convert(source, site.hidden_namespaces).text.splitlines()
    return lines


@pytest.mark.parametrize("hole", HOLES)
def test_no_sentence_of_the_sample_has_a_hole(prose, hole):
    found = [
        line[max(0, match.start() - 40) : match.end() + 20]
        for line in prose
        for match in re.finditer(hole, line)
    ]

    assert [
        passage for passage in found if not any(written in passage for written in BY_THE_AUTHORS)
    ] == []


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("a density of {{x}} in 2011", "a density in 2011"),
        ("was born on {{x}} and died on {{x}}", "was born and died"),
        ("a cost of ${{x}} (net value)", "a cost (net value)"),
        ("born ({{x}} – {{x}}) there", "born there"),
        ("a poet (born {{x}} in {{x}}; died {{x}})", "a poet"),
        ("between {{x}} and {{x}}, about {{x}}.", ""),
        ("It grew to {{x}}%. More.", "It grew. More."),
        ("It grew. The density is {{x}}. More.", "It grew. More."),
        ("In {{x}}, the king died.", "The king died."),
        ("in {{x}} Paris, of {{x}} Rome", "in Paris, of Rome"),
        ("dreamed of<ref>a</ref> in 2011", "dreamed of in 2011"),
        ("wurde am {{x}} in Wien geboren", "wurde in Wien geboren"),
        ("né le {{x}} à Paris", "né à Paris"),
        ("nació el {{x}} en Lima", "nació en Lima"),
        ("с населением около {{x}}, и", "с населением, и"),
        ("面积为{{x}}平方公里，人口众多。", "人口众多。"),
        ("面積は{{x}}である。", ""),
    ],
)
def test_the_words_that_introduced_a_vanished_template_go_with_it(wikitext, text):
    assert convert(wikitext).text == text


@pytest.mark.parametrize(
    ("language", "wikitext", "text"),
    [
        ("en", "At {{x}} metres, it is the highest.", "It is the highest."),
        ("en", "It covers {{x}} km² and has {{x}} people.", ""),
        ("en", "It grew. It covers {{x}} km² and has {{x}} people. More.", "It grew. More."),
        ("en", "It is {{age|1950|1|1}} years old. More.", "More."),
        ("en", "It was {{age|1950|1|1|2000|2|2}} years old.", "It was 50 years old."),
        ("en", "He was {{age in years and days|1950|1|1}} old.", ""),
        ("en", "It has a mass of ({{x}}–{{x}}) kg.", "It has a mass."),
        ("en", "He died at the age of {{x}} in Rome.", "He died in Rome."),
        ("en", "It has {{x}} people and is old.", "It is old."),
        ("en", "a town with {{x}} people in Asia", "a town in Asia"),
        ("en", "The river, {{x}} km long, is old.", "The river is old."),
        ("en", "He left {{x}} years ago. More.", "He left. More."),
        ("en", "It won. {{x}} people saw it. More.", "It won. More."),
        ("en", "It lies {{x}} km from St. Louis. More.", "More."),
        ("en", "It lies near St. Louis.{{cn}} Members of it, and members.", None),
        ("en", "He is the {{x}}-year-old king.", "He is the king."),
        ("en", "* Berlin ({{x}} inhabitants)", "Berlin"),
        ("de", "Im Jahr {{x}} hatte die Stadt {{x}} Einwohner. Ende.", "Ende."),
        ("de", "Sie hatte im Jahr {{x}} rund 500 Einwohner.", "Sie hatte rund 500 Einwohner."),
        ("de", "Er starb im Alter von {{x}} Jahren in Rom.", "Er starb in Rom."),
        ("fr", "La ville compte {{x}} habitants. Fin.", "Fin."),
        ("es", "Es una villa de {{x}} habitantes de Chile.", "Es una villa de Chile."),
        ("pt", "Possui {{x}} habitantes e é belo. Fim.", "Fim."),
        ("it", "Il comune conta {{x}} abitanti.", ""),
        ("pl", "Miasto liczy {{x}} mieszkańców. Koniec.", "Koniec."),
        ("nl", "De stad telt {{x}} inwoners en ligt aan zee.", "De stad ligt aan zee."),
        ("sv", "Orten hade {{x}} invånare. Slut.", "Slut."),
        (
            "de",
            "Es liegt auf einer Höhe von {{x}} m ü. M. im Tal.",
            "Es liegt auf einer Höhe im Tal.",
        ),
        ("fr", "Elle est située à {{x}} km de Paris. Fin.", "Fin."),
        ("ru", "Площадь составляет {{x}} км². Конец.", "Конец."),
        ("ja", "面積は{{x}}km²である。終わり。", "終わり。"),
        ("ru", "Население — {{x}} человек. Конец.", "Конец."),
        ("uk", "Місто має {{x}} мешканців. Кінець.", "Кінець."),
    ],
)
def test_without_its_number_a_phrase_or_a_sentence_goes(language, wikitext, text):
    expected = wikitext.replace("{{cn}}", "") if text is None else text

    assert convert(wikitext, language=language).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "At metres, it is the highest. It covers km² and has people.",
        "It is years old, and a mass of kg. Im Jahr hatte die Stadt Einwohner.",
    ],
)
def test_no_sentence_without_templates_is_changed(text):
    assert convert(text).text == text
