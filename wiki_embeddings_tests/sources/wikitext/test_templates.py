from __future__ import annotations

import pytest

from wiki_embeddings.sources.wikitext.conversion import convert
from wiki_embeddings.sources.wikitext.templates import EDITIONS, KINDS, TEMPLATES

IN_PROSE = {
    "abbr": ("{{abbr|NGO|non-governmental organisation}}", "NGO"),
    "angbr": ("{{angbr|aa}}", "⟨aa⟩"),
    "as of": ("{{as of|2015|6|30}}", "As of 30 June 2015"),
    "asof": ("{{asof|2014|lc=y}}", "as of 2014"),
    "bdo": ("{{bdo|שלום}}", "שלום"),
    "bibleref": ("{{bibleref|Mark|3:25}}", "Mark 3:25"),
    "big": ("{{big|word}}", "word"),
    "c.": ("{{c.|1800}}", "c. 1800"),
    "carbon": ("{{Carbon}}H4", "CH4"),
    "center": ("{{center|word}}", "word"),
    "chem": ("{{chem|CH|3|COO|−}}", "CH3COO⁻"),
    "chem2": ("{{chem2|H2O}}", "H2O"),
    "circa": ("{{circa|300|280 BC}}", "c. 300 – c. 280 BC"),
    "convert": ("{{convert|5|km}}", "5 km"),
    "coor": ("{{coor|30|12|7|N|74|7|W}}", "30°12′7″N 74°7′W"),
    "coord": ("{{Coord|13|19|N|169|9|W|type:event}}", "13°19′N 169°9′W"),
    "cvt": ("{{cvt|1300|mi|km}}", "1,300 mi"),
    "e": ("5{{e|-20}}", "5 × 10⁻²⁰"),
    "epc 1973 rule": ("{{EPC 1973 Rule|33}}", "Rule 33 EPC 1973"),
    "epc article": ("{{EPC Article|85}}", "Article 85 EPC"),
    "epc rule": ("{{EPC Rule|47}}", "Rule 47 EPC"),
    "extinct": ("{{extinct}}Dodo", "†Dodo"),
    "flag": ("{{flag|Georgia (U.S. state)|name=Georgia}}", "Georgia"),
    "frac": ("{{frac|3}}", "1/3"),
    "fraction": ("{{fraction|3|2}}", "3/2"),
    "harvtxt": ("{{Harvtxt|Boolos|Jeffrey|1974}}", "Boolos & Jeffrey (1974)"),
    "hms": ("{{HMS|Ajax|22|6}}", "HMS Ajax"),
    "hydrogen": ("{{Hydrogen}}2O", "H2O"),
    "ill": ("{{ill|de|Gymnasium Ernestinum}}", "Gymnasium Ernestinum"),
    "ipa": ("{{IPA|/eɪ/}}", "/eɪ/"),
    "ipalink": ("{{IPAlink|ʃ}}", "ʃ"),
    "ipaslink": ("{{IPAslink|ʃ}}", "ʃ"),
    "keypress": ("{{keypress|Ctrl|C}}", "Ctrl+C"),
    "lang": ("{{lang|fr|''mot''}}", "mot"),
    "large": ("{{large|word}}", "word"),
    "larger": ("{{larger|word}}", "word"),
    "linktext": ("{{linktext|λόγος|ἄνθρωπος}}", "λόγος ἄνθρωπος"),
    "longitem": ("{{longitem|word}}", "word"),
    "midsize": ("{{midsize|word}}", "word"),
    "music": ("A{{music|flat}}4", "A♭4"),
    "mv": ("{{MV|Tustumena}}", "MV Tustumena"),
    "nastaliq": ("{{Nastaliq|اردو}}", "اردو"),
    "native name": ("{{native name|ar|الجزائر}}", "الجزائر"),
    "nihongo": (
        "{{Nihongo|headquarters|本部道場|honbu dōjō}}",
        "headquarters (本部道場, honbu dōjō)",
    ),
    "nobold": ("{{nobold|word}}", "word"),
    "nobr": ("{{nobr|two words}}", "two words"),
    "noitalic": ("{{noitalic|word}}", "word"),
    "nowrap": ("{{nowrap|[[Apollo 7]] crew}}", "Apollo 7 crew"),
    "nq": ("{{nq|افغانستان}}", "افغانستان"),
    "nts": ("{{nts| 12000}}", "12,000"),
    "nuclide": ("{{nuclide|carbon|14}}", "carbon-14"),
    "nuclide2": ("{{nuclide2|einsteinium|254|link=y}}", "einsteinium-254"),
    "oldstyledate": (
        "{{OldStyleDate|February 2|1905|January 20}}",
        "February 2 [O.S. January 20] 1905",
    ),
    "pct rule": ("{{PCT Rule|8}}", "Rule 8 PCT"),
    "pre2": ("{{Pre2|scroll|<nowiki>{|}</nowiki>}}", "{|}"),
    "railgauge": ("{{RailGauge|1435 mm|disp=1}}", "1435 mm"),
    "resize": ("{{resize|88%|word}}", "word"),
    "rtl-lang": ("{{rtl-lang|ar|الكيمياء}}", "الكيمياء"),
    "sc": ("300 {{sc|bc}}", "300 BC"),
    "script": ("{{Script|Copt|Ⲁ ⲁ}}", "Ⲁ ⲁ"),
    "script/arabic": ("{{script/Arabic|ﷲ}}", "ﷲ"),
    "sfrac": ("{{sfrac|1|1|2}}", "1 1/2"),
    "sic": ("{{sic|recieved}}", "recieved [sic]"),
    "simplenuclide": ("{{SimpleNuclide|uranium|235}}", "uranium-235"),
    "simplenuclide2": ("{{SimpleNuclide2|lithium|7}}", "lithium-7"),
    "small": ("{{small|(1st)}}", "(1st)"),
    "smallcaps": ("{{smallcaps|word}}", "word"),
    "smaller": ("{{smaller|word}}", "word"),
    "ss": ("{{SS|Pedernales}}", "SS Pedernales"),
    "sub": ("H{{sub|2}}O", "H2O"),
    "sup": ("km{{sup|2}}", "km²"),
    "tooltip": ("{{Tooltip| W–L | Win–Loss}}", "W–L"),
    "track gauge": ("{{track gauge|1000mm}}", "1000mm"),
    "transl": ("{{transl|ar|ALA|''Allāh''}}", "Allāh"),
    "transliteration": ("{{transliteration|ru|Rossiya}}", "Rossiya"),
    "us patent": ("{{US patent|1781541}}", "U.S. Patent 1781541"),
    "us$": ("{{US$|2 billion}}", "US$2 billion"),
    "uss": ("{{USS|Hornet|CV-12|6}}", "USS Hornet"),
    "val": ("{{val|6241.5|(7)|e=18|u=C}}", "6,241.5(7) × 10¹⁸ C"),
    "vanchor": ("{{vanchor|word|anchor}}", "word"),
    "visible anchor": ("{{visible_anchor|word}}", "word"),
    "vr": ("{{vr|ai}}", "ai"),
    # Characters.
    "!": ("{{!}}", "|"),
    "'": ("''Time''{{'}}s", "Time's"),
    "'s": ("''Eagle''{{'s}} shadow", "Eagle's shadow"),
    "' \"": ("'just knowing{{' \"}}", "'just knowing'\""),
    "\" '": ("{{\" '}}just knowing", "\"'just knowing"),
    '-"': ('soil{{-"}}', 'soil"'),
    "=": ("a {{=}} b", "a = b"),
    "\\": ("Kana{{\\}}Kanji", "Kana / Kanji"),
    "·": ("[[Tom]]{{·}}[[Tim]]", "Tom · Tim"),
    "dot": ("[[Tom]]{{dot}}[[Tim]]", "Tom · Tim"),
    "eqm": ("HA {{eqm}} H<sup>+</sup> + A<sup>−</sup>", "HA ⇌ H⁺ + A⁻"),
    "mdash": ("one{{mdash}}two", "one—two"),
    "mdashb": ("one{{mdashb}}two", "one—two"),
    "nbsp": ("one{{nbsp|3}}two", "one two"),
    "ndash": ("1979{{ndash}}2020", "1979–2020"),
    "snd": ("one{{snd}}two", "one – two"),
    "snds": ("one{{snds}}two", "one – two"),
    "spaced ndash": ("one{{spaced ndash}}two", "one – two"),
    "spaces": ("one{{spaces|5}}two", "one two"),
    "thinsp": ("one{{thinsp}}two", "one two"),
}

AS_PARAGRAPHS = {
    "blockquote": ("{{blockquote|So it goes.|Vonnegut}}", "So it goes.\n— Vonnegut"),
    "bquote": ("{{bquote|So it goes.}}", "So it goes."),
    "citation": ("* {{citation|last=Doe|title=Book}} A classic.\n* Other", "Other"),
    "columns": ("{{columns|width=9em|col1=\n* one\n* two|col2=\n* three}}", "one\ntwo\nthree"),
    "columns-list": ("{{columns-list|2|\n* one\n* two\n}}", "one\ntwo"),
    "cquote": ("{{cquote|So it goes.|author=Vonnegut}}", "So it goes.\n— Vonnegut"),
    "harvard citation": ("* {{harvard citation|Doe}}: a classic.\n* Other", "Other"),
    "hlist": ("{{hlist|[[Biology]]|Zoology}}", "Biology\nZoology"),
    "ordered list": ("{{ordered list|start=1| one.| two.}}", "one.\ntwo."),
    "plainlist": ("{{plainlist|\n* one\n* two\n}}", "one\ntwo"),
    "quotation": ("{{quotation|text=So.|sign=Doe|source=''Book''}}", "So.\n— Doe, Book"),
    "quote": ("{{quote|<poem>One\nTwo</poem>|Doe|Book}}", "One\nTwo\n\n— Doe, Book"),
    "ubl": ("{{ubl|one|two}}", "one\ntwo"),
    "unbulleted list": ("{{unbulleted list|class=nowrap|one|two}}", "one\ntwo"),
}


def test_each_example_is_of_a_template_that_stands_in_a_table():
    assert {*IN_PROSE, *AS_PARAGRAPHS} <= {*TEMPLATES}


@pytest.mark.parametrize("module", [*KINDS, *EDITIONS.values()], ids=lambda module: module.__name__)
def test_names_of_templates_are_written_as_they_are_looked_up(module):
    assert module.TEMPLATES
    assert [name for name in module.TEMPLATES if name != " ".join(name.split()).lower()] == []


@pytest.mark.parametrize(("wikitext", "text"), IN_PROSE.values(), ids=IN_PROSE)
def test_a_template_in_prose_shows_its_text_within_the_sentence(wikitext, text):
    assert convert(f"Before {wikitext} after.").text == f"Before {text} after."


@pytest.mark.parametrize(("wikitext", "text"), AS_PARAGRAPHS.values(), ids=AS_PARAGRAPHS)
def test_a_block_template_shows_paragraphs_or_lines(wikitext, text):
    assert convert(wikitext).text == text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("{{convert|55|to|80|cm|in}}", "55 to 80 cm"),
        ("{{convert|15|–|17|in|disp=or|abbr=on}}", "15–17 in"),
        ("{{convert|60|-|3300|m|fathom ft}}", "60–3,300 m"),
        ("{{convert|193.3|by|69.5|mi|km|adj=on}}", "193.3-by-69.5-mile"),
        ("{{convert|6|ft|4|in|cm|0}}", "6 ft 4 in"),
        ("{{convert|82400000|km2|sqmi}}", "82,400,000 km²"),
        ("{{convert|-6|C|0}}", "−6 °C"),
        ("{{convert|477|koilbbl/d|abbr=on}}", "477 thousand barrels per day"),
        ("{{convert|87|e6acre|e6ha|abbr=off}}", "87 million acres"),
        ("{{convert|1000000|MT|ST|lk=out}}", "1,000,000 metric tons"),
        ("{{convert|3}}", "3"),
    ],
)
def test_a_converted_quantity_keeps_its_numbers_and_its_unit(wikitext, text):
    assert convert(f"It is {wikitext} long.").text == f"It is {text} long."


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("{{lang-ar|الجزائر}}", "Arabic: الجزائر"),
        ("{{Lang-grc-gre|''Ἀριστοτέλης''}}", "Greek: Ἀριστοτέλης"),
        ("{{lang-xx|word}}", "word"),
        ("{{formatnum: 16944}}", "16,944"),
        ("{{formatnum:12.88}}", "12.88"),
    ],
)
def test_template_names_may_contain_an_argument(wikitext, text):
    assert convert(f"Before {wikitext} after.").text == f"Before {text} after."


@pytest.mark.parametrize(
    "arguments",
    ["", "|", "||||", "|1=", "|x|to", "|a=b|N", "|" + "9" * 400, "|²|١|٢", "|-1|0|0|1|2|3"],
)
@pytest.mark.parametrize("language", ["en", "hi"])
def test_unusual_arguments_never_fail(arguments, language):
    for name in TEMPLATES:
        assert isinstance(convert("x {{" + name + arguments + "}}", language=language).text, str)


def test_coordinates_beside_the_title_are_dropped():
    assert convert("Alaska {{coord|64|N|150|W|display=title}}").text == "Alaska"


def test_templates_within_templates_are_rendered():
    assert convert("{{nowrap|{{lang|fr|''mot'' {{small|({{frac|2}})}}}}}}").text == "mot (1/2)"


@pytest.mark.parametrize(
    ("language", "wikitext", "text"),
    [
        ("en", "In {{c.|1900}}.", "In c. 1900."),
        ("simple", "In {{fl|1900}}.", "In fl. 1900."),
        ("de", "In {{FL|Vaduz}} und {{B|Rom}}.", "In Vaduz und Rom."),
        ("pl", "A {{zh|c=北京}}.", "A Chinese: 北京."),
        ("tr", "Uzunluğu {{km|5}}.", "Uzunluğu 5 km."),
    ],
)
def test_short_names_of_english_templates_mean_something_else_in_other_editions(
    language, wikitext, text
):
    assert convert(wikitext, language=language).text == text
