"""Language variants: what a reader sees of `-{zh-hans:计算机;zh-hant:電腦}-`.

The wikis of some languages, Chinese and Serbian among them, are read in several scripts or
vocabularies; https://www.mediawiki.org/wiki/Writing_systems/Syntax describes the markup.
"""

from __future__ import annotations

import re

# In the order of preference: a wiki's page in `wikimedia/wikipedia` mixes variants as its authors
# do, and these are what most of them write.
_PREFERRED = [
    "zh-hans", "zh-cn", "zh", "zh-my", "zh-sg", "zh-hant", "zh-tw", "zh-hk", "zh-mo",
    "sr-ec", "sr-cyrl", "sr-el", "sr-latn",
]  # fmt: skip
_VARIANT = re.compile(
    r"(?:^|;)\s*((?:zh|sr|sh|kk|ku|iu|gan|uz|crh|shi|tg|ban|mni|zgh|wuu)(?:-[a-z]+)*)\s*:", re.I
)
_RULE = re.compile(r"(?:(?:^|;)[^;:]*=>\s*)")
_FLAGS = re.compile(r"\s*([A-Za-z;\s-]*?)\s*\|")
_WITHOUT_TEXT = {"H", "T", "-"}  # a rule for the rest of the page, the title, a rule taken back


def shown_variant(content: str) -> str:
    """Return the wikitext that is shown for what stands between `-{` and `}-`."""
    flags = _FLAGS.match(content)
    if flags and _is_flags(flags[1]):
        if _WITHOUT_TEXT.intersection(flags[1].upper().split(";")) or flags[1] == "-":
            return ""
        content = content[flags.end() :]
    pieces = _VARIANT.split(content)
    if len(pieces) < 3:
        return _RULE.sub("", content).strip(";") if "=>" in content else content
    texts = {
        code.lower(): text.strip().rstrip(";")
        for code, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }
    chosen = next((code for code in _PREFERRED if texts.get(code)), "")
    return texts.get(chosen) or next(iter(texts.values()))


def _is_flags(text: str) -> bool:
    """Whether all before the first bar are flags, or codes of variants."""
    return all(
        len(flag.strip()) <= 1 or _VARIANT.fullmatch(flag.strip() + ":") for flag in text.split(";")
    )
