from __future__ import annotations

import dataclasses

import pytest
import yaml
from huggingface_hub import DatasetCard

from wiki_embeddings.card import card, dataset_name, license_of
from wiki_embeddings_tests.synthetic import MODEL, SETTINGS, write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=2, rows_each=10)


def test_the_card_names_what_was_made_from_what(vectors):
    text = card(vectors)
    for told in (
        "`a" + "a" * 63 + "`",
        MODEL,
        "revision `0123456789abcdef0123456789abcdef01234567`",
        "mean pooling",
        "at most 256 tokens, special tokens, title and prefix included",
        "config `20231101.simple`, commit `b04c8d1ceb2f5cd4588862100d08de323dccfbaa`",
        "| Articles | 10 |",
        "| Passages | 20 |",
        "`query: `",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ):
        assert told in text, told
    assert card(vectors) == text


def test_the_hub_client_reads_the_card_and_its_features(vectors):
    data = DatasetCard(card(vectors)).data.to_dict()
    assert data["license"] == "cc-by-sa-4.0"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    (split,) = data["dataset_info"]["splits"]
    assert (split["name"], split["num_examples"]) == ("train", 20)
    assert split["num_bytes"] > 20 * 8 * 2, "the vectors alone are that large"
    features = {feature["name"]: feature for feature in data["dataset_info"]["features"]}
    assert features["embedding"] == {"name": "embedding", "list": "float16", "length": 8}
    assert features["id"] == {"name": "id", "dtype": "int64"}
    assert data["wiki_embeddings"]["model"] == MODEL


def test_a_revision_of_digits_stays_text(vectors):
    settings = {**SETTINGS, "embeddings": {**SETTINGS["embeddings"], "revision": "1" * 40}}
    text = card(dataclasses.replace(vectors, settings=settings))
    front_matter = yaml.safe_load(text.split("---\n")[1])
    assert front_matter["wiki_embeddings"]["revision"] == "1" * 40


def test_a_dry_run_says_so(vectors):
    settings = {**SETTINGS, "raw": {**SETTINGS["raw"], "fraction": 0.01}}
    assert "0.01, a dry run" in card(dataclasses.replace(vectors, settings=settings))


def test_the_licence_follows_the_date_of_the_text():
    assert license_of("20160601").id == "cc-by-sa-3.0"
    assert license_of("20230607").id == "cc-by-sa-4.0"


def test_the_dataset_is_named_by_wiki_and_model(vectors):
    assert dataset_name(vectors) == "wikipedia-simple-tiny-model"
