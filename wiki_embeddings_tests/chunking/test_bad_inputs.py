"""Inputs that no encyclopedia should contain, and that some do."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from wiki_embeddings.chunking import ChunkSettings, ChunkTokenizer, chunk_articles
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.chunking.tokenizers import (
    assert_lossless,
    assert_tokens_of_texts,
    assert_within_budget,
)

BUDGET = ChunkSettings(128)

TEXTS = {
    "nothing": "",
    "white space": " \t\n\r\n\u00a0\u2003\u2028\u2029\u3000" * 200,
    "white space around": "\n\n  Hello.  \n\n",
    "only signs without tokens": "\u200b\0\u00ad\u0301" * 300,
    "one word of 100,000 letters": "a" * 100_000,
    "100,000 full stops": "." * 100_000,
    "no white space": "key:value,key:value;" * 2000,
    "emoji": "😀👨‍👩‍👧🇩🇪" * 500,
    "emoji with spaces": "😀 👨‍👩‍👧 " * 500,
    "Chinese": "他是中国人。她住在北京，喜欢读书！" * 100,
    "Chinese without punctuation": "中国" * 2000,
    "Japanese": "私は猫が好きです。カタカナもひらがなも。" * 100,
    "Thai": "สวัสดีชาวโลก" * 200,
    "Arabic": "القطة حيوان أليف. هل تحبها؟ نعم، كثيرا. " * 100,
    "Hebrew": "החתול הוא חיית מחמד. \n" * 100,
    "Devanagari": "बिल्ली एक पालतू जानवर है। " * 100,
    "NUL characters": "A cat\0 is\0an\0\0 animal. " * 100,
    "combining marks": "e\u0301a\u0308\u0323o\u0302\u0301 \u0301\u0301 x\u20dd " * 200,
    "one letter with 5,000 marks": "a" + "\u0301" * 5000 + " b",
    "special tokens": "a[SEP]b [MASK] [CLS][PAD][UNK] [sep] [[SEP]] " * 60,
    "special tokens without white space": "[SEP]," * 500,
    "CRLF": "First line.\r\nSecond line.\r\n\r\nNew paragraph.\r\n" * 40,
    "CR": "First line.\rSecond line.\r\rNew paragraph.\r" * 40,
    "other line ends": "One.\u2028Two.\u2029Three.\u00a0Four.\u200bFive.\u0085Six.\x0cSeven. " * 40,
    "private use and unassigned": "\ue000\U0010ffff\ufdd0 x " * 200,
    "lists of short lines": "\n".join(map(str, range(3000))),
    "only headings": "Heading\n\n" * 500,
    "only sentence ends": "! ? . … 。" * 300,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_chunks_keep_text_budget_and_tokens_of(
    tokenizer: ChunkTokenizer, backend: Tokenizer, text: str
):
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert_lossless(chunks, [text])
    assert_within_budget(chunks, BUDGET, special_tokens=2)
    assert_tokens_of_texts(chunks, backend)


@pytest.mark.parametrize("name", ["nothing", "white space", "only signs without tokens"])
def test_a_text_without_tokens_has_one_chunk_with_the_tokens_of_its_title(
    tokenizer: ChunkTokenizer, backend: Tokenizer, name: str
):
    settings = ChunkSettings(128, title_prefix=True)
    chunks = chunk_articles(tokenizer, ["Cat"], [TEXTS[name]], settings)
    assert chunks.text == [TEXTS[name]]
    assert chunks.tokens.tolist() == backend.encode("Cat", add_special_tokens=False).ids


def test_an_article_of_ten_megabytes_is_chunked(tokenizer: ChunkTokenizer):
    hundred = "".join(f"Paragraph {n} tells of the number {n * n}.\n\n" for n in range(100))
    text = hundred * 2700
    assert len(text.encode()) > 10_000_000
    chunks = chunk_articles(tokenizer, ["T"], [text], BUDGET)
    assert_lossless(chunks, [text])
    assert_within_budget(chunks, BUDGET, special_tokens=2)


@pytest.mark.parametrize(
    ("title", "text", "message"),
    [
        ("Cat", "Good. \ud83d bad.", r"text of the article “Cat” .* \(U\+D83D\) at character 6"),
        ("C\udc00t", "Good.", r"title of the article “C\\udc00t” .* \(U\+DC00\) at character 1"),
    ],
)
def test_a_lone_surrogate_is_refused_with_its_article_and_position(
    tokenizer: ChunkTokenizer, title: str, text: str, message: str
):
    with pytest.raises(BadInputError, match=message):
        chunk_articles(tokenizer, ["Dog", title], ["Good.", text], BUDGET)
