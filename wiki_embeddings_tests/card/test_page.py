from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from wiki_embeddings import __version__
from wiki_embeddings.card import card, summary
from wiki_embeddings_tests.card.cards import (
    MINILM,
    REPO_ID,
    THROUGHPUT,
    front_matter,
    markdown,
    section,
    with_lengths,
    with_settings,
)
from wiki_embeddings_tests.support.synthetic import MODEL


def test_the_card_names_source_model_and_settings(vectors):
    text = card(vectors)
    for fact in (
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
        assert fact in text, fact
    assert card(vectors) == text


def test_the_card_claims_sorted_rows_only_if_no_files_overlap(vectors):
    first, second = vectors.files
    overlapping = dataclasses.replace(second, min_id=first.max_id)
    separate, overlapping_card = (
        card(vectors),
        card(dataclasses.replace(vectors, files=(first, overlapping))),
    )
    assert "Rows are sorted by `id` and `chunk_index`." in separate
    assert "may overlap" not in separate
    assert "Rows are sorted" not in overlapping_card
    assert (
        "The rows of an article are adjacent and sorted by `chunk_index`; the page ids of files "
        "may overlap." in overlapping_card
    )


def test_a_model_on_the_hub_is_linked(vectors):
    assert f"[{MODEL}](https://huggingface.co/{MODEL})" in card(vectors)


def test_a_models_folder_is_named_only_in_the_front_matter(vectors):
    model, revision = "/home/ada/models/my-model", "sha256:" + "a" * 64
    text = card(with_settings(vectors, "embeddings", model=model, revision=revision))
    assert front_matter(text)["wiki_embeddings"]["model"] == model
    assert "/home/ada" not in markdown(text)
    assert "huggingface.co" not in markdown(text)
    assert f"| Model | my-model, revision `{revision}` |" in text
    assert "SentenceTransformer" not in text


def test_a_models_folder_is_not_named_on_the_hub(vectors):
    local = with_settings(
        vectors, "embeddings", model="/home/ada/models/my-model", revision="sha256:" + "a" * 64
    )
    text = card(local, repo_id=REPO_ID, previous=summary(local))
    assert "/home/ada" not in text
    assert "/home/ada" not in json.dumps(summary(local))
    assert front_matter(text)["wiki_embeddings"]["model"] == "my-model"


def test_a_dry_run_is_marked(vectors):
    assert "0.01, a dry run" in card(with_settings(vectors, "raw", fraction=0.01))


def test_importing_the_package_loads_neither_jinja2_nor_pyarrow():
    code = "import sys, wiki_embeddings.card; print(*{'jinja2', 'pyarrow'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_code_versions_come_from_the_manifest(vectors):
    text = f"| Code | wiki-embeddings {__version__}; stages fetch 1, chunk 7, embed 1 |"
    assert text in card(with_settings(vectors, "chunks", version="7"))


def test_the_version_in_the_package_is_that_of_the_installation():
    assert version("wiki-embeddings") == __version__


def test_throughput_is_shown_if_known(vectors):
    assert "## Throughput" not in card(vectors)
    text = section(card(vectors, throughput=THROUGHPUT), "Throughput")
    for row in (
        "| Passages per second | 27.9 |",
        "| Tokens per second | 6,147 |",
        "| Characters per second | 29,252 |",
        "| Time | 1 min 07 s |",
        "| Where | one machine, 2 cores |",
    ):
        assert row in text
    assert "Cost" not in text


def test_the_cost_of_a_cloud_run_names_the_date_of_the_prices(vectors):
    paid = {
        **THROUGHPUT,
        "machine": "Modal, up to 50 containers",
        "gpu": "A10G",
        "dollars": 6.371,
    }
    text = section(card(vectors, throughput=paid), "Throughput")
    assert "| Where | Modal, up to 50 containers, each with one A10G |" in text
    assert "| Cost | $6.37, at the prices of 2026-07-01 |" in text


def test_the_card_names_the_export_that_the_text_comes_from(vectors):
    made = {"source": "mediawiki_content_current", "wiki_id": "simplewiki", "revision": "ab12"}
    text = card(with_settings(vectors, "raw", **made))
    assert "Wikimedia's export `mediawiki_content_current/simplewiki` of 20231101" in text
    assert "`SHA256SUMS` with SHA-256 `ab12`" in text
    assert front_matter(text)["source_datasets"] == ["original"]


@pytest.mark.parametrize("with_all", [False, True])
@pytest.mark.parametrize("model", [MINILM, {"revision": "sha256:" + "a" * 64}], ids=str)
def test_the_page_is_valid_markdown(vectors, with_all, model):
    made = with_settings(with_lengths(vectors, [3], [4]), "embeddings", **model)
    whole = card(made, throughput=THROUGHPUT, previous=summary(vectors), repo_id=REPO_ID)
    page = markdown(whole if with_all else card(made))
    assert "\n\n\n" not in page
    assert not re.search(r"[^\n]\n(?:## |```[a-z])", page), "without an empty line before it"
    assert not re.search(r"^[^|\n][^\n]*\n\|", page, re.MULTILINE), "a table begins a paragraph"
    rows = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    assert all(len({line.count("|") for line in table.splitlines()}) == 1 for table in rows)
    assert not re.search(r"[ \t]$", page, re.MULTILINE)


def test_the_card_links_to_the_code_that_made_it(vectors):
    assert f"| Code | wiki-embeddings {__version__}; stages" in card(vectors)
    link = f"| Code | [wiki-embeddings {__version__}](https://example.org/ada/wiki); stages"
    assert link in card(vectors, code_url="https://example.org/ada/wiki")
