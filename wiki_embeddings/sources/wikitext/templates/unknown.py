"""The rule for a template that no table knows.

It shows nothing, and the words that only introduced it go with it (see `holes`), except where its
one argument is most likely the text that a reader sees:

* within a line of other text, an argument in words: {{gare|Noyant}}, {{ruby font|漢字}}; before it
  a language, a size or a colour may stand: {{dil|ar|قلعة}}, {{tamanho|85%|esgotado}}; of several
  arguments it is the first, if that is clearly prose: {{임시링크|가나|en|Gana}}.
* anywhere, an argument that is a list or ends as a sentence does: {{kolonner|…}}, {{alıntı|…}}.

A template with arguments by name, or whose name says that it is a note, a pronunciation, a request,
an icon or an anchor shows nothing.
"""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.links import is_language_code
from wiki_embeddings.sources.wikitext.markers import (
    ASIDE_END,
    ASIDE_START,
    LIST_ITEM,
    PARAGRAPH_BREAK,
)
from wiki_embeddings.sources.wikitext.templates.expansions import Arguments, positional

MAX_ARGUMENTS = 3
"""A template with more, by name or not, is a box."""

_NOTES = """
    r rp ref refn efn sfn sfnp snf note notes nb fn footnote anm noot nota notas uwaga komentarz
    прим примечание сноска источник виноска הערה מקור ביאור ملا ملاحظة هامش مرجع حاشیه یادداشت
    یادکرد پانویس dipnot not kaynak 주 각주 출처 脚注 注 註 注釈 notetag refnest टिप्पणी alaviite
    cn fact who when where which why whom dubious vague what how clarify quantify verify sic? нет
    кто когда где какой какие что уточнить неясно проверить bron bron? źródło fakt? källa
    誰 いつ どこ 何时 谁 为何 為何 來源請求 来源请求 何時 누가 언제 근거 כן? עוגן çapa
    pb portal stub seealso main see further about other others cat commons tocright toc shortcut
    jwiki imdb youtube twitter facebook instagram webarchive wayback cbignore esd?
"""
_NAMES = frozenset(_NOTES.split())
_PARTS = re.compile(
    # A note or a reference.
    r"\befn|\brefn|\bsfn|harvn|-fn\b|footnote|przypis|fußnote|voetnoot|примеч|снос|зауваг|"
    # A pronunciation.
    r"\bipa|\bafi\b|\bapi\b|мфа|audio|pronunc|pronúncia|prononc|uitspraak|aussprache|respell|listen|"
    r"sound|lyssna|ljud|発音|发音|發音|발음|تلفظ|okunuş|הגייה|"
    # A request to the authors.
    r"needed|inline|nodig|behövs|benötigt|necessári|requerid|carece|necesari|verification|"
    "original research|"
    r"belirt|wikify|gereksinim|требу|потріб|مصدر|بحاجة|مدرک|आवश्यक|要|"
    # A picture.
    r"icon|ikon|simge|symbol|simbolo|símbolo|logo\b|flag|flagge|\bvlag|bandeira|bandera|bandiera|"
    r"drapeau|прапор|флаг|bayrak|دايل|پرچم|旗|국기그림|דגל|färgruta|color ?box|legend|kleur|"
    # Data from elsewhere, and ages today.
    r"населен|einwohner|ewz|metadaten|popula|poblaci|inwoner|ludność|人口|\bage\b|edad|\bâge|\balter\b|"
    r"возраст|\bвік\b|ålder|leeftijd|wiek\b|\bidade|età|나이|年齢|年齡|年龄|yaş|سن |عمر|आयु|גיל|"
    # A place in the page.
    r"anchor|anker|ancre|\bancla|âncora|ancora|kotwica|якор|якір|アンカー|مرساة|ankare|"
    # A box or a page of another project.
    r"infobox|navbox|sidebar|taxobox|commons|wikisource|wikiquote|wiktionary|wikidata|portal|"
    r"hatnote|main article|see also|disambig|short desc|defaultsort|use [dm]|stub\b"
)
_CODE = re.compile(r"[\W\d_]*|[A-Z0-9]{1,3}|.*\.(?:jpe?g|png|svg|og[gv]|wav|webm)|https?:.*")
"""Arguments that are no words: numbers, codes, files and addresses."""

_STYLE = re.compile(r"\d+(?:[.,]\d+)?(?:%|px|em|pt)|#[0-9a-fA-F]{3,8}|[+-]\d")
_COLORS = {"red", "blue", "green", "black", "white", "gray", "grey", "yellow", "orange", "purple"}
_PROSE = re.compile(r"\s|[^\W\d_\u0000-\u024f]")  # a space, or a letter that is not Latin
_HARMLESS = {"lang", "язык"}
_SENTENCE = re.compile(r"(?:\S+\s+){3,}.*[.!?…][\"'”»’]?|.{12,}[。！？…][」』”]?", re.DOTALL)


def guess(name: str, arguments: Arguments) -> str:
    """Return what an unknown template shows; text for a line of prose stands between markers.

    Args:
        name: The template's name, in lower case.
        arguments: Its arguments.
    """
    values = positional(arguments)
    has_names = any(not key.isdecimal() and key not in _HARMLESS for key in arguments)
    if _is_beside_the_text(name) or not values:
        return ""
    if len(values) == 2 and _is_style(values[0]):
        values = values[1:]
    text = values[0]
    if text.startswith(LIST_ITEM) and len(values) == 1:
        return f"{PARAGRAPH_BREAK}{text}{PARAGRAPH_BREAK}"
    if not text or has_names or _CODE.fullmatch(text) or is_language_code(text):
        return ""
    if len(values) > 1 and not _PROSE.search(text):
        return ""
    if _SENTENCE.fullmatch(text):
        return text
    return "" if "\n" in text else f"{ASIDE_START}{text}{ASIDE_END}"


def _is_style(text: str) -> bool:
    return is_language_code(text) or bool(_STYLE.fullmatch(text)) or text.lower() in _COLORS


def _is_beside_the_text(name: str) -> bool:
    return name in _NAMES or bool(_PARTS.search(name))
