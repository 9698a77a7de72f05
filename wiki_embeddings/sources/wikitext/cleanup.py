"""The last step of the conversion: text with markers becomes clean paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from wiki_embeddings.sources.wikitext.bold_italic import remove_bold_italic
from wiki_embeddings.sources.wikitext.holes import drop_empty_clauses
from wiki_embeddings.sources.wikitext.markers import (
    ASIDE_END,
    ASIDE_START,
    CITATION,
    HEADING,
    HOLE,
    LINE_BREAK,
    LIST_ITEM,
    PARAGRAPH_BREAK,
    REMOVED,
)
from wiki_embeddings.sources.wikitext.punctuation import repair_punctuation

_SWITCHES = """
    archivedtalk disambig expected_unconnected_page expectunusedcategory expectunusedtemplate
    forcetoc hiddencat index newsectionlink nocc nocontentconvert noeditsection nogallery
    noglobal noindex nonewsectionlink notalk notc notitleconvert notoc staticredirect toc
    inhaltsverzeichnis kein_inhaltsverzeichnis inhaltsverzeichnis_erzwingen
    abschnitte_nicht_bearbeiten keine_galerie aucunsommaire aucun_sommaire sommaire_forcé
    forcersommaire sommaire tdm aucunegalerie sin_tdc notdc forzar_tdc forzartdc tdc singalería
    semtdc sem_sumário forcartdc forcar_sumário tdc sumário nosommario forzasommario indice
    noindice forzaindice bezspisu bez_spisu zespisem spis geen_inhoudsopgave inhoud_dwingen
    inhoud geeninhoud ingeninnehållsförteckning innehållsförteckning alltidinnehållsförteckning
    ingensektionsredigering безогл без_огл безоглавления обязогл обяз_огл огл оглавление
    безгалереи безредразд без_змісту беззмісту зміст 目次非表示
    目次強制 目次 無目次 無目錄 无目录 目錄 目录 強制目錄 强制目录
    无编辑段 不转换标题 不轉換標題 لافهرس لصق_فهرس فهرس अनुक्रम_नहीं विषय_सूची_नहीं
"""
"""Behaviour switches such as `__TOC__`, in English and in the languages of larger editions."""

_SWITCH = re.compile(rf"__(?:{'|'.join(_SWITCHES.split())})__", re.IGNORECASE)
_ROWS = re.compile(  # of a table that templates begin and end: several lines, or one that is clear
    r"^(?=[ \t]*+[|!])(?:"
    r"(?:[ \t]*[|!].*(?:\n|\Z)){2,}|[ \t]*\|(?:[-+}|\s]|.*\|\||[^|\n]*=[^|\n]*\|).*$)",
    re.MULTILINE,
)
_BRACES = re.compile(r"\{\{|\}\}|\[\[|\]\]|\{\||\|\}")
_WITHOUT_WIDTH = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_SPACE = re.compile(r"[^\S\n]+")
_SPACE_IN_BRACKETS = re.compile(r"(?<=[(\[]) +| +(?=[)\]])")
_SPACE_BEFORE_STOP = re.compile(r" +(?=[,;](?: |$))|(?<![.,]) +(?=\.(?: [A-Z]|$))")
_SPACE_BEFORE_FRENCH_STOP = re.compile(r" +(?=,(?: |$))|(?<![.,]) +(?=\.(?: [A-Z]|$))")
_BREAK_BEFORE_STOP = re.compile(rf"\n(?=[,;.)](?:[\s{REMOVED}]|$))")
_EMPTY_BRACKETS = re.compile(r" ?\( \)")

_ASIDE = re.compile(f"{ASIDE_START}([^{ASIDE_START}{ASIDE_END}]*){ASIDE_END}")
_WORD = re.compile(r"\w")
_REMARK = re.compile(rf"['\s]*(?:{CITATION}.*|{REMOVED}(?=.*[(\d])(?:\([^()]*\)|[^\w(]|\d)*)")
"""A line with only a remark, in brackets or numbers, about what was removed before it."""


def clean_up(marked: str, language: str) -> list[str]:
    """Turn text with markers into the paragraphs and headings of a plain text.

    Args:
        marked: Text with `markers`, in which blank lines separate paragraphs.
        language: Language code of the wiki: French puts a space before a semicolon.

    Returns:
        Paragraphs, without markers but for protected characters, and headings, with their marker
        and level in front; each list item stands on its own line.
    """
    text = marked.replace(LINE_BREAK, "\n").replace(PARAGRAPH_BREAK, "\n\n")
    text = _remove_residues(text)
    text = _BREAK_BEFORE_STOP.sub("", _SPACE.sub(" ", text))
    stop = _SPACE_BEFORE_FRENCH_STOP if language == "fr" else _SPACE_BEFORE_STOP
    lines = [_clean_line(line, stop) for line in text.split("\n")]
    blocks = _join_lines(line for line in lines if line is not None)
    return _drop_empty_sections(blocks)


def _remove_residues(text: str) -> str:
    """Remove markup that is left over, and characters that a reader does not see."""
    if "__" in text:
        text = _SWITCH.sub("", text)
    if "\n|" in text or text.startswith("|"):
        text = _ROWS.sub("", text)
    return _WITHOUT_WIDTH.sub("", _BRACES.sub("", text))


def _clean_line(line: str, space_before_stop: re.Pattern[str]) -> str | None:
    """Clean one line; return None if nothing is left of it, not even a line break."""
    if ASIDE_START in line or ASIDE_END in line:
        line = _show_asides(line)
    if HOLE in line:
        line = drop_empty_clauses(line)
    is_item = LIST_ITEM in line
    line = line.replace(LIST_ITEM, "")
    if _REMARK.fullmatch(line):
        return None
    line = repair_punctuation(remove_bold_italic(line.replace(CITATION, REMOVED)))
    for surplus in (_EMPTY_BRACKETS, _SPACE_IN_BRACKETS, space_before_stop):
        line = surplus.sub("", line)
    line = _SPACE.sub(" ", line).strip()
    return None if is_item and not line else line


def _show_asides(line: str) -> str:
    """Keep the asides of a line with other words; drop them where nothing else stands."""
    is_alone, count = not _WORD.search(_ASIDE.sub("", line)), 1
    while count:
        line, count = _ASIDE.subn(HOLE if is_alone else r"\1", line)
    return line.replace(ASIDE_START, "").replace(ASIDE_END, "")


def _join_lines(lines: Iterable[str]) -> list[str]:
    """Join the lines between blank ones into blocks."""
    return ["\n".join(group) for has_text, group in groupby(lines, key=bool) if has_text]


def _drop_empty_sections(blocks: list[str]) -> list[str]:
    """Drop the headings without text under them."""
    kept: list[str] = []
    has_text, level_below = False, 0  # since the last heading seen from the end, and its level
    for block in reversed(blocks):
        if not block.startswith(HEADING):
            has_text = True
            kept.append(block)
        elif has_text or level_below > int(block[1]):
            has_text, level_below = False, int(block[1])
            kept.append(block)
    return kept[::-1]
