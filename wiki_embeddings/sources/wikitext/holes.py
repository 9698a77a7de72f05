"""Drops the clause that a vanished template leaves without its meaning.

A template that shows nothing may have been a word of its sentence: `a density of {{density}} in
2011`, `was born on {{birth}}`. It was one where a word stands before it that asks for another, and
nothing follows that could be it. Then that word goes with it: `a density in 2011`, `was born`.
"""

from __future__ import annotations

import re

from wiki_embeddings.sources.wikitext.function_words import (
    COPULAS,
    FOLLOWERS,
    INTRODUCTIONS,
    JOINTS,
)
from wiki_embeddings.sources.wikitext.markers import HOLE, REMOVED
from wiki_embeddings.sources.wikitext.quantities import (
    drop_last_words,
    drop_lost_quantities,
    last_word,
)

_JOINED_HOLES = re.compile(
    rf"{HOLE}(?:\s*(?:[-–—/×x]|to|and|bis|und|à|et|a|y|e|al|do|до|и)?\s*{HOLE})+"
)
_CURRENCY = re.compile(rf"(?<!\()(?:\b(?:US|A|AU|C|CA|NZ|HK|NT|R))?[$£€¥₹₩₽₺]\s?{HOLE}")
_NEXT_WORD = re.compile(r"\s*([^\W\d_]+)?")
_ENDS = re.compile(r"\s*(?:[,.;:!?()\]，。；、）]|$)")

_CLAUSE_ENDS = [". ", ", ", "; ", ": ", "(", ")"]
_NEW_START = re.compile(r"\s*,?\s*([a-zäöüà-ÿа-я])")
_TAIL = 100  # characters of a text that are searched for its last words
_EAST_ASIAN = re.compile(
    rf"[^，。；、：（）()\s{HOLE}]{{0,40}}(?:约|約|大约|大約|为|為|是|于|於|在|至|到|有|达|達|共|は|が|に|を|の)\s?{HOLE}"
    r"(?:平方公里|公里|公尺|公頃|米|人|年|元|%|km²|km|m)?(?:である|です|だ|で)?(?:[，、；]|(?=[。）)]|$))"
)
_COMMA_BEFORE_END = re.compile(rf"[，、；](?={REMOVED}[。；])")


def drop_empty_clauses(line: str) -> str:
    """Replace each `HOLE` by `REMOVED`, together with the words that only introduced it."""
    line = _JOINED_HOLES.sub(HOLE, line)
    line = _COMMA_BEFORE_END.sub("", _EAST_ASIAN.sub(REMOVED, _CURRENCY.sub(HOLE, line)))
    line = drop_lost_quantities(line)
    text, *pieces = line.split(HOLE)
    for piece in pieces:
        kept, after = _drop_introduction(text, piece), piece
        if len(kept) < len(text) and (match := _NEW_START.match(piece)) and _ends_sentence(kept):
            after = match[1].upper() + piece[match.end() :]
        text = kept + REMOVED + after
    return text


def _ends_sentence(text: str) -> bool:
    return not text.strip() or text.rstrip()[-1] in ".!?"


def _drop_introduction(before: str, after: str) -> str:
    """Drop the words at the end of a text that only introduce what should follow it."""
    if not _leaves_a_hole(after):
        return before
    start, tail = before[:-_TAIL], before[-_TAIL:]
    ends = bool(_ENDS.match(after))
    words = INTRODUCTIONS | JOINTS if ends else INTRODUCTIONS
    kept = drop_last_words(tail, words)
    if ends and last_word(kept).lower() in COPULAS:
        text = start + kept
        boundaries = [text.rfind(end) + len(end) for end in _CLAUSE_ENDS if end in text]
        return text[: max(boundaries, default=0)]
    return start + kept


def _leaves_a_hole(after: str) -> bool:
    """Whether what follows cannot be the word that the text before asks for."""
    word = _NEXT_WORD.match(after)
    return bool(_ENDS.match(after) or (word and word[1] in FOLLOWERS))
