"""Difficult texts: all scripts, characters that vanish, words that never end."""

from __future__ import annotations

from hypothesis import strategies as st

REAL = [
    "Anarchism is a political philosophy that advocates self-governed societies. ",
    "In 1864 the International Workingmen's Association (sometimes called the \"First "
    'International") united diverse currents.\n\n',
    "Etymology\n\nThe term is a compound word, from ἀναρχία (anarchia).\n\n",
    "See also\n\n 3568 ASCII, an asteroid\n Ascii85\n ASCII art\n",
    "Dr. J. R. Smith lived in St. Paul, U.S.A. He wrote 3.5 books! Really?\r\n\r\n",
    "無政府主義是一種政治哲學。它主張自願結社！「真的嗎？」他問。",
    "アナキズムは、政治思想である。自由とは何か。",
    "الأناركية هي فلسفة سياسية؟ نعم، إنها كذلك. ",
    "अराजकतावाद एक राजनीतिक दर्शन है। यह स्वैच्छिक है। ",
    "무정부주의는 정치 철학이다. ",
    "https://en.wikipedia.org/w/index.php?title=Anarchism&action=edit&section=12#Etymology ",
    "[SEP] a[MASK]b [CLS][PAD] [UNK]. ",
    "</s> a<mask>b <s><pad> <unk>. ",
]

NASTY = [
    "\0",
    "\ufffd",
    "\u00ad",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u0085",
    "\x0b",
    "\x1c",
    "\u00a0",
    "\u2028",
    "\u2029",
    "\u3000",
    "\u0301",
    "\u0338",
    "\u20dd",
    "\u302e",
    "👨‍👩‍👧",
    "🇩🇪",
    "≠",
    "İ",
    "ß",
    "ﬁ",
    "가",
    "\r\n",
    "\r",
    "\n \n",
    "...",
    '."',
    "。」",
    "##",
    "a" * 101,
    "é" * 99 + ".",
    "中" * 40,
    "▁",
    "´",
    "ﷺ",
    "\uff9e",
    ")" * 30,
    "x,y;" * 30,
]

letters = st.characters(exclude_categories=["Cs"])
words = st.text(letters, min_size=1, max_size=12).map(lambda word: word + " ")
long_words = st.integers(1, 400).map(lambda length: "q" * length)
pieces = st.one_of(
    st.sampled_from(REAL), st.sampled_from(NASTY), st.text(letters, max_size=8), words, long_words
)
repeated = st.builds(str.__mul__, pieces, st.integers(2, 30))
short_articles = st.lists(pieces, max_size=6).map("".join)
long_articles = st.lists(pieces | repeated, min_size=8, max_size=30).map("".join)
articles = short_articles | long_articles
titles = st.one_of(
    st.sampled_from(["", "Anarchism", "中国", "\u200b", "A" * 101, "x-y " * 70]),
    st.lists(pieces, max_size=4).map("".join),
)
