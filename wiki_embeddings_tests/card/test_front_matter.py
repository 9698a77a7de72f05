from __future__ import annotations

import dataclasses
import re

import pytest
from huggingface_hub import DatasetCard

from wiki_embeddings.card import card
from wiki_embeddings_tests.card.cards import front_matter, with_rows, with_settings
from wiki_embeddings_tests.support.synthetic import MODEL


def test_the_hub_client_reads_the_card_and_its_features(vectors):
    data = DatasetCard(card(vectors)).data.to_dict()
    assert data["license"] == "cc-by-sa-4.0"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    assert [info["config_name"] for info in data["dataset_info"]] == ["default", "vectors", "small"]
    for info in data["dataset_info"]:
        (split,) = info["splits"]
        assert (split["name"], split["num_examples"]) == ("train", 20)
        assert split["num_bytes"] > 20 * 8 * 2, "the vectors alone are that large"
        features = {feature["name"]: feature for feature in info["features"]}
        assert features["embedding"] == {"name": "embedding", "list": "float16", "length": 8}
        assert features["id"] == {"name": "id", "dtype": "int64"}


def test_the_front_matter_tells_search_how_to_embed_a_question(vectors):
    assert front_matter(card(vectors))["wiki_embeddings"] == {
        "model": MODEL,
        "revision": "0123456789abcdef0123456789abcdef01234567",
        "pooling": "mean",
        "query_prefix": "query: ",
        "passage_prefix": "",
        "dimensions": 8,
        "precision": "float32",
        "snapshot": "20231101",
    }


def test_a_revision_of_digits_is_a_string_in_yaml(vectors):
    text = front_matter(card(with_settings(vectors, "embeddings", revision="1" * 40)))
    assert text["wiki_embeddings"]["revision"] == "1" * 40


def test_norwegian_is_a_string_in_yaml(vectors):
    assert front_matter(card(dataclasses.replace(vectors, wiki="no")))["language"] == ["no"]


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (999, "n<1K"),
        (99_999_999, "10M<n<100M"),
        (100_000_000, "100M<n<1B"),
        (1_000_000_000, "1B<n<10B"),
    ],
)
def test_size_categories_are_the_hubs(vectors, rows, category):
    text = front_matter(card(with_rows(vectors, rows)))
    assert text["size_categories"] == [category]


LANGUAGE_TAGS = {
    "als": "gsw",
    "bat-smg": "sgs",
    "be-x-old": "be-tarask",
    "fiu-vro": "vro",
    "roa-rup": "rup",
    "zh-classical": "lzh",
    "zh-min-nan": "nan",
    "zh-yue": "yue",
    "cbk-zam": "cbk",
    "de-formal": "de-x-formal",
    "eml": "egl",
    "en-rtl": "en-x-rtl",
    "es-formal": "es-x-formal",
    "hu-formal": "hu-x-formal",
    "map-bms": "jv-x-bms",
    "mo": "ro-Cyrl-MD",
    "nrm": "nrf",
    "nl-informal": "nl-x-informal",
    "roa-tara": "nap-x-tara",
    "simple": "en-simple",
    "sr-ec": "sr-Cyrl",
    "sr-el": "sr-Latn",
    "crh-ro": "crh-Latn-RO",
    "kk-cn": "kk-Arab-CN",
    "kk-tr": "kk-Latn-TR",
    "zh-cn": "zh-Hans-CN",
    "zh-sg": "zh-Hans-SG",
    "zh-my": "zh-Hans-MY",
    "zh-tw": "zh-Hant-TW",
    "zh-hk": "zh-Hant-HK",
    "zh-mo": "zh-Hant-MO",
}
"""All deprecated and non-standard codes of MediaWiki's `LanguageCode.php`, at commit 698efaebb0dc,
and the BCP 47 tags that it gives them."""


@pytest.mark.parametrize(
    ("wiki", "code"),
    [
        ("sample", "en"),
        ("de", "de"),
        ("be-tarask", "be"),
        ("nds-nl", "nds"),
        *((wiki, tag.partition("-")[0]) for wiki, tag in LANGUAGE_TAGS.items()),
    ],
)
def test_the_language_is_a_code_that_the_hub_accepts(vectors, wiki, code):
    declared = front_matter(card(dataclasses.replace(vectors, wiki=wiki)))
    assert declared["language"] == [code]
    assert re.fullmatch("[a-z]{2,3}", code)
