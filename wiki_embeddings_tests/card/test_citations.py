from __future__ import annotations

import re

import pytest

from wiki_embeddings.card import card
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings_tests.card.cards import section, with_settings


@pytest.mark.parametrize("model", [*KNOWN_MODELS, "BAAI/bge-m3", "intfloat/multilingual-e5-large"])
def test_the_paper_of_a_model_or_its_family_is_cited(vectors, model):
    (entries,) = re.findall(
        r"```bibtex\n(.*?)```", card(with_settings(vectors, "embeddings", model=model)), re.DOTALL
    )
    keys = re.findall(r"^@\w+\{([\w.-]+),$", entries, re.MULTILINE)
    assert len(set(keys)) == 3, "the dataset, the model, and Wikipedia"
    assert entries.count("{") == entries.count("}")


def test_a_dataset_on_the_hub_is_cited_by_its_address(vectors):
    text = section(card(vectors, repo_id="ada_l/some_name"), "How to cite it")
    assert "author = {{ada\\_l}}," in text
    assert "url = {https://huggingface.co/datasets/ada_l/some_name}," in text
    assert "version = {20231101}," in text
