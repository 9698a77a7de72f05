r"""Characters at which BERT's pre-tokenizer separates words, for sets in regular expressions.

Python's `\s` is too wide for white space: it also matches U+000B, U+000C, U+001C to U+001F and
U+0085, which are control characters for BERT. It deletes them, which joins the letters on both
sides into one word.
"""

from __future__ import annotations

SPACE = r" \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space, to stand between the brackets of a set."""

IDEOGRAPHS = r"\u3400-\u4dbf\u4e00-\u9fff"
"""Characters that are separate words if the normalizer is set so; for a set, too."""

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~。、，！？；：…—"
"""Characters that are always separate words; not all of them, but enough. Not escaped."""
