r"""What a run is: a short piece of text whose tokens are the same wherever it stands.

A run is a word, a punctuation sign or an ideograph, each with the white space after it
(`"Cafés"`, `",\n\n"`). BERT's pre-tokenizer separates them before anything else is looked at.
Signs that it separates too but that are not in `PUNCTUATION` only make a run longer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from wiki_embeddings.chunking.characters import IDEOGRAPHS, PUNCTUATION, SPACE


def run_pattern(*, split_ideographs: bool, kept_whole: Sequence[str]) -> re.Pattern[str]:
    """Makes the pattern that matches a text's runs one after another.

    Args:
        split_ideographs: Whether the tokenizer makes each ideograph a word.
        kept_whole: Added tokens, such as [SEP], none of which may be broken.
    """
    unbreakable = set("".join(kept_whole))
    alone = re.escape("".join(sign for sign in PUNCTUATION if sign not in unbreakable))
    if split_ideographs:
        alone += IDEOGRAPHS
    return re.compile(rf"(?:[^{SPACE}{alone}]+|[{SPACE}{alone}])[{SPACE}]*")
