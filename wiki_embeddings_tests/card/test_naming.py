from __future__ import annotations

import dataclasses

import pytest

from wiki_embeddings.card import card, dataset_name, text_license
from wiki_embeddings_tests.card.cards import front_matter, with_settings


def test_the_licence_follows_the_date_of_the_text():
    assert text_license("20160601").id == "cc-by-sa-3.0"
    assert text_license("20230607").id == "cc-by-sa-4.0"


def test_the_dataset_is_named_by_wiki_and_model(vectors):
    assert dataset_name(vectors) == "wikipedia-simple-tiny-model"


def test_a_dry_run_does_not_take_the_name_of_the_whole(vectors):
    dry = with_settings(vectors, "raw", fraction=0.5)
    assert dataset_name(dry) == "wikipedia-simple-tiny-model-dry-run"


@pytest.mark.parametrize(
    ("wiki", "name"),
    [
        ("sample", "English Wikipedia (sample)"),
        ("simple", "Simple English Wikipedia"),
        ("de", "German Wikipedia"),
        ("zh-yue", "Cantonese Wikipedia (zh-yue)"),
        ("tokipona", "Wikipedia (tokipona)"),
    ],
)
def test_the_title_names_the_edition(vectors, wiki, name):
    text = card(dataclasses.replace(vectors, wiki=wiki))
    assert front_matter(text)["pretty_name"] == f"{name}, embedded with tiny-model"
    assert f"articles of the {name}, split into" in text
