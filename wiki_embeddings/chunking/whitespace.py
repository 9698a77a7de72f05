r"""The white space at which BERT's pre-tokenizer separates words.

Python's `\s` will not do: it also matches U+000B, U+000C, U+001C to U+001F and U+0085, which are
control characters for BERT. It deletes them, so the letters on both sides make one word.
"""

from __future__ import annotations

SPACE = r" \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The white space characters, to stand between the brackets of a regular expression's set."""
