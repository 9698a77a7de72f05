"""Drops the phrase or the sentence around a vanished template that was a number.

A unit or a counted noun behind a hole says that a number stood there: `at {{height}} metres`. What
goes with it depends on the word before:

* a preposition: the phrase goes, `a town with {{x}} people in Asia` becomes `a town in Asia`;
* a verb, with another one joined to it: that one stays, `It has {{x}} people and is old.` becomes
  `It is old.`;
* a bracket or a comma: what stands between the two;
* anything else: the sentence, for the number was its subject or its object. So it is with a
  distance from something.

The phrases that ask for a year or an age, `at the age of {{x}}`, are treated in the same way.
"""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.function_words import (
    ADVERBS,
    COPULAS,
    COUNTED,
    INTRODUCTIONS,
    JOINTS,
    NUMBERED,
    SEA_LEVEL,
)
from wiki_embeddings.sources.wikitext.markers import HEADING, HOLE, LIST_ITEM, REMOVED


def _any_of(words: frozenset[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_AT_WORD = rf"(?<![^\s(–—{LIST_ITEM}])"  # not behind a full stop or a word, as a note
_QUANTITY = re.compile(
    rf"(?:(?P<numbered>(?<!\w)(?i:{_any_of(NUMBERED)}))\s+)?(?:{_AT_WORD}{HOLE}|\(\s*{HOLE}\s*\))(?:"
    r"(?P<compound>-(?:years?|months?|days?|metres?|meters?|miles?|foot|feet)(?:-\w+)?(?!\w))"
    r"|\s(?:old|alt)(?=\s*(?:[.,;:)]|$))"
    r"|(?:(?P<unit>\s?(?:%|‰|°[CF]|[kcm]?m[²³]|[kcm]m|km/h|mph|m|ft|mi|kg|lb|ha|к?м[²³]?|кг|га)(?![\w/²³]))"
    rf"|\s(?:{_any_of(COUNTED)})(?!\w)(?P<adverb>\s(?:{_any_of(ADVERBS)})(?!\w))?)"
    r"(?:\s(?:old|long|wide|high|tall|deep|alt|lang|breit|hoch|tief|oud|gammal|gammalt)(?!\w))?"
    rf"(?:\s(?:{_any_of(SEA_LEVEL)})(?!\w))?"
    r"|(?(numbered)|(?!)))",
)
_LAST_WORD = re.compile(rf"(?:^|(?<=[\s(\[\"'“„«—–{REMOVED}{LIST_ITEM}]))([^\s{REMOVED}]+)\s+$")
_ENDS = re.compile(r"\s*(?:[,.;:!?()\]，。；、）]|$)")
_JOINED_VERB = re.compile(r"\s*,?\s*(\w+)\s+(?=(\w+))")

_FROM = re.compile(r"\s(?:from|von|de|du|da|dal|od|van|från|от|від)\s")  # a distance
_APPOSITION_END = re.compile(r"\s*,(?=\s)")
_NEW_START = re.compile(r"\s*,?\s*([^\W\d_])")

_MARKERS = "\ufdd0-\ufdd8"
_CLOSING = rf"\"'”»)\]{_MARKERS}"
_SENTENCE_END = re.compile(
    rf"^\s*[.!?][{_CLOSING}]*(?:\s+|$)"
    r"|(?<!(?<!\w)[A-ZÀ-ÞА-Я]\w)(?<!(?<!\w)[^\W\d])"  # not behind `St` or the `J` of a name
    rf"[.!?][{_CLOSING}]*(?:\s+(?![a-zа-я\d])|\s*$)"
    r"|[。！？।]"
)
_START_BEHIND = re.compile(rf"(?:^|[.!?。！？])[\s{_MARKERS}]*$")
_TAIL = 1000  # characters before a hole that are searched for the start of its sentence


def drop_lost_quantities(line: str) -> str:
    """Replace the holes of a line where a number stood, with what said nothing without it."""
    start = 0
    while match := _QUANTITY.search(line, start):
        before, after = line[: match.start()], line[match.end() :]
        kept, rest = _without(before, match, after)
        line = kept + REMOVED + rest
        start = len(kept)
    return line


def _without(before: str, match: re.Match[str], after: str) -> tuple[str, str]:
    """Return what stays before and after a lost quantity."""
    kept = drop_last_words(before, INTRODUCTIONS)
    verb = last_word(kept).lower()
    subject = drop_last_words(kept, frozenset({verb}))
    joined = _JOINED_VERB.match(after) if verb in COPULAS else None
    if match["compound"] or (match["numbered"] and not _is_start(before)):
        kept = before
    elif joined and _has_next_verb(joined) and not _is_start(subject):
        kept, after = subject, " " + after[joined.end() :]
    elif before.rfind("(") > before.rfind(")") or before.startswith(HEADING) or match["adverb"]:
        pass
    elif _is_start(kept) and _ENDS.match(after):
        after = _capitalized(after)
    elif not (
        before.strip(f"{LIST_ITEM} ") or match["unit"] or match["numbered"]
    ):  # an icon or an anchor
        after = match[0].lstrip(f"{HOLE}( )") + after
    elif kept.rstrip().endswith((",", ";")) and _ENDS.match(after):
        if comma := _APPOSITION_END.match(after):
            kept, after = kept.rstrip(" ,"), after[comma.end() :]
    elif (
        _is_start(kept)
        or verb in COPULAS
        or kept == before
        or (match["unit"] and _FROM.match(after))
    ):
        kept, after = _without_sentence(kept, after)
    return kept, after


def _has_next_verb(joined: re.Match[str]) -> bool:
    return joined[1].lower() in JOINTS and joined[2].lower() in COPULAS


def _without_sentence(before: str, after: str) -> tuple[str, str]:
    """Cut the sentence that ends a text, and the rest of it that begins another."""
    head, tail = before[:-_TAIL], before[-_TAIL:]
    ends = [match.end() for match in _SENTENCE_END.finditer(tail)]
    items = len(before) - len(before.lstrip(f"{LIST_ITEM} "))
    cut = max(items, len(head) + (ends[-1] if ends else 0))
    end = _SENTENCE_END.search(after)
    return before[:cut], after[end.end() :] if end else ""


def last_word(text: str) -> str:
    """Return the last word of a text; empty if it ends otherwise."""
    match = _LAST_WORD.search(text[-100:])
    return match[1] if match else ""


def drop_last_words(text: str, words: frozenset[str]) -> str:
    """Drop the words at the end of a text that are among the given ones, but not `I`."""
    while (word := last_word(text)) and word != "I" and word.lower() in words:
        text = text.rstrip()[: -len(word)]
    return text


def _is_start(text: str) -> bool:
    """Whether what follows begins a sentence."""
    return bool(_START_BEHIND.search(text[-100:]))


def _capitalized(text: str) -> str:
    match = _NEW_START.match(text)
    return match[1].upper() + text[match.end() :] if match else text
