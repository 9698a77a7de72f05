from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_embeddings.sources.wikitext.conversion import convert


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Bold''', ''italic'' and '''''both'''''.", "Bold, italic and both."),
        ("'''Bold''' and l'''amour''", "Bold and l'amour"),
        ("''Time'''s readers", "Time's readers"),
        ("six '''''' apostrophes", "six ' apostrophes"),
        ("[[Cat]]s and [[Dog|hounds]]", "Cats and hounds"),
        ("[[Cat#Diet|their diet]]", "their diet"),
        ("[http://example.org/ a ''label''] and more", "a label and more"),
        ("See http://example.org/page for it.", "See http://example.org/page for it."),
        ("a link [http://example.org] without a label", "a link without a label"),
        ("10&nbsp;km &ndash; 5&nbsp;&lt; 6 &amp;c.", "10 km – 5 < 6 &c."),
        ("10<sup>-3</sup> m<sup>2</sup>, H<sub>2</sub>O", "10⁻³ m², H2O"),
        ("the 19<sup>th</sup> century", "the 19th century"),
        ("a<ref>{{cite book|title=B}}</ref>, b<ref name=x/> c<ref name=x>d</ref>.", "a, b c."),
        ("seen<!-- hidden --> text", "seen text"),
        ("<small>small</small> <span style='x'>and</span> <u>styled</u>", "small and styled"),
        ("one<br>two<br />three", "one\ntwo\nthree"),
        ("a<foo>b and c<d and e>f", "a<foo>b and c<d and e>f"),
        ("__NOTOC__text__FORCETOC__", "text"),
        ("Use __notoc__ x", "Use x"),
        ("{{small|" * 35 + "deep tail" + "}}" * 35, "deep tail"),
        ("soft\u00adhyphen\u200b and\u2009thin\u202fspace", "softhyphen and thin space"),
    ],
)
def test_inline_markup_becomes_text(wikitext, text):
    assert convert(wikitext).text == text


@pytest.mark.parametrize(
    "wikitext",
    [
        "[[File:A b.jpg|thumb|350px|upright=1.2|alt=x|A [[caption]] with {{lang|fr|mots}}]]",
        "[[Image:A.PNG|left|A caption<ref>with [http://a b]</ref> [http://x y]]]",
        "[[Bild:Ein Bild.svg|mini|rechts|Eine Unterschrift]]",
        "[[Category:Cats]]",
        "[[category:Cats| ]]",
        "[[de:Katze]] [[zh-min-nan:Niau]] [[be-x-old:Кот]] [[simple:Cat]]",
        "{{Infobox cat\n| name = Tom\n| box = {{small|x}}\n}}",
        "{{Reflist|30em}}\n<references />\n<references><ref name=a>b</ref></references>",
        "<gallery>\nA.jpg|A [[caption]]\n</gallery>",
        "{|class=wikitable\n|-\n! head || head\n|-\n| style=x | cell {{flag|France}}\n|}",
        ":{|\n| indented\n{|\n| nested\n|}\n|}",
        "<table><tr><td>cell</td></tr></table>",
        "{| \n| never closed\n| at all",
        "<!-- comment -->\n<!-- another\none -->",
        "{{Main|Cat}}\n__TOC__\n----\n<div style='clear: both'></div>",
    ],
)
def test_everything_beside_the_text_is_dropped(wikitext):
    assert convert(wikitext).text == ""


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("[[:Category:Cats]] [[:File:A.jpg|the file]]", "Category:Cats the file"),
        ("[[wikt:cat]] [[s:Poem|a poem]] [[doi:10.1000/1]]", "wikt:cat a poem doi:10.1000/1"),
        ("[[Talk:Logo.png|the talk page]] [[Media:Tune.ogg|the tune]]", "the talk page the tune"),
        ("See [[mw:Help]].", "See mw:Help."),
        ("[[:fr:Chat]] and [[fr:Chat|chat]]", "fr:Chat and chat"),
        ("[[Star Trek: The Next Generation]]", "Star Trek: The Next Generation"),
        ("[[UTC−05:00]]", "UTC−05:00"),
    ],
)
def test_links_with_a_colon_show_what_a_reader_sees(wikitext, text):
    assert convert(wikitext).text == text


def test_local_names_of_the_file_and_category_namespaces_are_hidden():
    wikitext = "Котка [[Категория:Котки]] [[Файл:Без край]]"

    assert convert(wikitext, ["Файл", "Категория"]).text == "Котка"


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("'''Albedo''' ({{IPAc-en|a}}) is", "Albedo is"),
        ("'''Rand''' ({{IPAc-en|a}}; born ''Alisa'') was", "Rand (born Alisa) was"),
        ("'''Adobe''' (UK {{IPAc-en|a}}, US {{IPAc-en|b}}) is", "Adobe is"),
        ("'''X''' (from Greek {{foo}}; {{foo}}, {{foo}}) is", "X (from Greek) is"),
        ("born {{foo}} , died {{foo}}.", "born, died."),
        ("a {{foo}} b, {{foo}}, c", "a b, c"),
        ("Papers: {{foo}}. More", "Papers. More"),
        ("$5 (${{Inflation|US|5|1929}} today). More", "$5. More"),
        ("It ended ({{age|1969|7|20}} years ago).", "It ended."),
        ("the function f() and ( padded )", "the function f() and (padded)"),
        ("wait . . . and see", "wait . . . and see"),
        ("It ended . Then", "It ended. Then"),
        ("a first line\n, broken before its comma", "a first line, broken before its comma"),
    ],
)
def test_the_punctuation_around_removed_markup_is_repaired(wikitext, text):
    assert convert(wikitext).text == text


def test_paragraphs_headings_and_lists_keep_their_lines():
    wikitext = """\
Lead.
== First ''part'' == <!-- note -->
{{Main|Elsewhere}}
Text.


[[File:A.jpg|thumb|Caption]]
* one
** {{cite book|title=Gone}}
<!-- nothing -->
# two
; term : meaning
:indented
<blockquote>Quoted.</blockquote>
"""

    assert convert(wikitext).text == (
        "Lead.\n\nFirst part\n\nText.\n\none\ntwo\nterm : meaning\nindented\n\nQuoted."
    )


def test_headings_without_text_are_dropped():
    wikitext = """\
== Empty ==
== Kept ==
=== Kept too ===
Text.
=== Empty {{foo}} ===
{{Reflist}}
== References ==
<references/>
== {{foo}} ==
Text.
"""

    assert convert(wikitext).text == "Kept\n\nKept too\n\nText.\n\nText."


def test_a_remark_about_a_work_is_dropped_with_its_citation():
    wikitext = """\
* {{cite book|title=A}} A classic.
* Doe, J. {{cite journal|title=B}}
* ''{{gone}}'' (UK)
* {{StateDept}} 2003.
"""

    assert convert(wikitext).text == "Doe, J."


def test_a_comment_alone_on_its_line_takes_the_line_with_it():
    wikitext = "* one\n<!-- note\nnote -->\n* two\n<!-- note -->== Next ==\nThree <!-- note -->"

    assert convert(wikitext).text == "one\ntwo\n\nNext\n\nThree"


def test_an_unclosed_table_ends_at_the_next_heading():
    assert convert("Before\n{|\n| cell\n== Next ==\nAfter").text == "Before\n\nNext\n\nAfter"


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("<nowiki>[[a]] ''b'' {{c}} &lt;</nowiki>", "[[a]] ''b'' {{c}} <"),
        ("<code>if (a < b || c) '''x'''</code>", "if (a < b || c) '''x'''"),
        ("where <math>\\bar{x} = \\frac{a}{b}</math> is", "where \\bar{x} = \\frac{a}{b} is"),
        ("<source lang=c>int  x[[2]];</source>", "int  x[[2]];"),
        ("<pre>\n  a  |\n\n  {{b}}\n</pre>", "  a  |\n\n  {{b}}"),
        ("a<nowiki/>b <code>List&lt;int&gt;</code>", "ab List<int>"),
    ],
)
def test_code_and_formulas_are_not_changed(wikitext, text):
    assert convert(wikitext).text == text


BROKEN = [
    "[[", "{{", "]]", "}}", "{|", "|}", "|", "(", "'", "''", "''a'''b", "[", "]", "=", "==", "*",
    ":", ";a:", "#", "_", "&", "&#", "<", "<a", "</ref>", "<ref>", "<ref name=\"", "<span a=\"",
    "<!--", "<b>", "<div>", "<li>", "<br", "<sup>", "<code>", "</code>", "<math>", "<nowiki>",
    "<table>", "<gallery>", "\n{|", "\n|}", "\n|-", "\n==", "\n== a\n", "\n* a", "\n\n", "{{a|",
    "{{a|b=", "{{a}}", "({{a}}", "{{a}},", "{{{", "{{{a|", "{{{{", "}}}", "[[a|", "[[[", "[[a\n",
    "[[File:a.jpg|thumb|", "[http://a ", "[http://a [[b|", "[[a|[http://b ", "{{a|[[b|",
    "{{a|\n{|\n", "{|\n{{a\n", "<ref>{{a|", "{{convert|5|km", "{{convert|5|km}}", "{{quote|",
    "{{lang-fr|a}}", "-{", "}-", "-{zh:a;",
    "-{H|", "{{#if:", "{{#expr:1+", "{{#switch:a|", "of {{x}} ", "{{x|y z}}", "of {{x}} km ",
    "{{x}} people ", "has {{x}} km and ",
    "&#xD800;", "&#0;", ",", "(,", "( )", "\xa0", "\ufdd0", "\ufdd4", "\U000f0027",
]  # fmt: skip


@pytest.mark.parametrize("piece", BROKEN)
def test_broken_markup_is_converted_in_time_linear_in_its_length(piece):
    assert isinstance(convert(piece * (20_000 // len(piece))).text, str)


@pytest.mark.parametrize("piece", ["{{a|", "[[a|", "<ref name=", "\n{|", "<b>", "<span a='"])
def test_a_hundred_thousand_characters_of_unclosed_markup_are_converted(piece):
    # Without balancing, the parser takes from half a minute to several minutes for each.
    converted = convert(f"Before {piece * (100_000 // len(piece))}").text

    assert converted.startswith("Before")


PIECES = [*BROKEN, " ", "\n", "a", "b c", ")", "</sup>", "</b>", "-->", "File:", "'''''", ".", "."]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_no_mixture_of_markup_leaves_markers_or_more_than_one_blank_line(wikitext):
    text = convert(wikitext).text

    assert text.encode().decode() == text
    assert not re.search("[\ufdd0-\ufdef\U000f0000-\U000fffff]|\n\n\n", text)


@given(st.text())
def test_any_text_at_all_is_converted(wikitext):
    text = convert(wikitext).text

    assert text.encode().decode() == text


WORDS = st.from_regex(r"[A-Za-z0-9äßÑ中]{1,8}[,.]?", fullmatch=True)
PARAGRAPHS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)


@given(st.lists(PARAGRAPHS, max_size=5).map("\n\n".join))
def test_prose_without_markup_is_not_changed(prose):
    assert convert(prose).text == prose


@given(PARAGRAPHS, PARAGRAPHS)
def test_a_dropped_template_leaves_one_space_between_words(before, after):
    # A unit behind the template would say that it was a number.
    assert convert(f"{before}x {{{{gone}}}} x{after}").text == f"{before}x x{after}"
