r"""What a run is: the longest piece of text whose tokens are the same wherever it stands.

A run goes from one white space to the next, and has the white space after it: `"Cafés,\n\n"`.
BERT's pre-tokenizer splits there before anything else is looked at. Where it also splits around
each ideograph, each is a run; and a run without end is broken at punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wiki_embeddings.chunking.characters import IDEOGRAPHS, PUNCTUATION, SPACE

LONG_RUN_CHARS = 256
"""Code points by which a run is broken if it can be: the tokenizer takes some 500 bytes of memory
for each one that it is given at once."""


def run_pattern(*, split_ideographs: bool, kept_whole: Sequence[str]) -> re.Pattern[str]:
    """Makes the pattern that matches a text's runs one after another.

    Args:
        split_ideographs: Whether the tokenizer makes each ideograph a word.
        kept_whole: Added tokens, none of which may be broken.
    """
    ideographs = IDEOGRAPHS if split_ideographs else ""
    letter = f"[^{SPACE}{ideographs}]"
    in_added_tokens = set("".join(kept_whole))
    breaks = re.escape("".join(sign for sign in PUNCTUATION if sign not in in_added_tokens))
    run = (
        rf"(?:{letter}{{1,{LONG_RUN_CHARS}}}+(?!{letter})"
        rf"|{letter}{{0,{LONG_RUN_CHARS - 1}}}[{breaks}]"
        rf"|{letter}+)[{SPACE}]*"
    )
    ideograph = rf"|[{ideographs}][{SPACE}]*" if ideographs else ""
    return re.compile(rf"{run}{ideograph}|[{SPACE}]+")
