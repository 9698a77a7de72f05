"""The model that a Wikipedia gets by default, and those that its language rules out."""

from __future__ import annotations

import pytest

from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings.encoders.models.languages import (
    default_model,
    reads_language,
    require_language,
)
from wiki_embeddings.errors import BadInputError

ENGLISH = ["sample", "simple", "en"]
OTHERS = ["de", "ja", "no", "sco", "ang", "zh-min-nan", "be-x-old"]
MULTILINGUAL = "intfloat/multilingual-e5-small"


@pytest.mark.parametrize("wiki", ENGLISH + OTHERS)
def test_the_default_model_reads_the_wikis_language(wiki):
    assert (default_model(wiki) == MULTILINGUAL) == (wiki in OTHERS)
    require_language(default_model(wiki), wiki)


@pytest.mark.parametrize("model", KNOWN_MODELS)
def test_every_known_model_but_the_multilingual_one_reads_english_only(model):
    assert all(reads_language(model, wiki) for wiki in ENGLISH)
    assert {reads_language(model, wiki) for wiki in OTHERS} == {model == MULTILINGUAL}


def test_a_model_of_which_nothing_is_known_may_read_anything():
    assert all(reads_language("deepset/gbert-base", wiki) for wiki in OTHERS)
    assert all(reads_language("/models/mine", wiki) for wiki in OTHERS)


def test_the_refusal_names_the_default_and_how_to_insist():
    with pytest.raises(BadInputError) as raised:
        require_language("thenlper/gte-small", "ja")
    for part in ("thenlper/gte-small", "ja", MULTILINGUAL, "--allow-english-model"):
        assert part in str(raised.value)
