from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import yaml
from huggingface_hub import DatasetCard

from wiki_embeddings import __version__
from wiki_embeddings.card import card, dataset_name, summary, text_license
from wiki_embeddings.dataset_layout import SMALL_ROWS
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL, KNOWN_MODELS
from wiki_embeddings_tests.support.synthetic import MODEL, write_embeddings

REPO_ID = "ada/wikipedia-simple-tiny-model"

THROUGHPUT = {
    "passages": 20,
    "passages_per_second": 27.94,
    "tokens_per_second": 6147.2,
    "characters_per_second": 29251.6,
    "seconds": 67.3,
    "machine": "this machine, 2 cores",
    "gpu": "",
    "dollars": None,
    "prices_as_of": "2026-07-01",
}


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=2, rows_each=10)


def with_settings(vectors, stage, **settings):
    """The same embeddings, made with other settings of one stage."""
    return dataclasses.replace(
        vectors, settings={**vectors.settings, stage: {**vectors.settings[stage], **settings}}
    )


def with_rows(vectors, rows):
    """The same embeddings, as if there were more of them."""
    return dataclasses.replace(vectors, files=(dataclasses.replace(vectors.files[0], rows=rows),))


def with_lengths(vectors, *histograms):
    """The same embeddings with the lengths of their passages, file by file."""
    files = (
        dataclasses.replace(file, stats={**file.stats, "tokens_histogram": list(counts)})
        for file, counts in zip(vectors.files, histograms, strict=True)
    )
    return dataclasses.replace(vectors, files=tuple(files))


def section(text, heading):
    """The text below a heading."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def markdown(text):
    return text.split("---\n", 2)[2]


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


def test_the_config_without_texts_reads_the_same_files(vectors):
    default, without_text, small = front_matter(card(vectors))["configs"]
    assert default["default"] is True
    assert without_text["data_files"] == default["data_files"]
    assert without_text["columns"] == ["id", "chunk_index", "hash", "embedding"]
    assert small["data_files"] == [{"split": "train", "path": "small/train-*.parquet"}]


def test_the_small_config_has_no_more_rows_than_its_file(vectors):
    rows = 3 * SMALL_ROWS
    whole, _, small = front_matter(card(with_rows(vectors, rows)))["dataset_info"]
    assert whole["splits"][0]["num_examples"] == rows
    assert small["splits"][0]["num_examples"] == SMALL_ROWS
    assert small["dataset_size"] == pytest.approx(whole["dataset_size"] / 3, abs=1)


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


def test_the_licence_follows_the_date_of_the_text():
    assert text_license("20160601").id == "cc-by-sa-3.0"
    assert text_license("20230607").id == "cc-by-sa-4.0"


def test_the_dataset_is_named_by_wiki_and_model(vectors):
    assert dataset_name(vectors) == "wikipedia-simple-tiny-model"


def test_importing_the_package_loads_neither_jinja2_nor_pyarrow():
    code = "import sys, wiki_embeddings.card; print(*{'jinja2', 'pyarrow'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_dry_run_does_not_take_the_name_of_the_whole(vectors):
    dry = with_settings(vectors, "raw", fraction=0.5)
    assert dataset_name(dry) == "wikipedia-simple-tiny-model-dry-run"


def test_code_versions_come_from_the_manifest(vectors):
    text = f"| Code | wiki-embeddings {__version__}; stages fetch 1, chunk 7, embed 1 |"
    assert text in card(with_settings(vectors, "chunks", version="7"))


def test_the_version_in_the_package_is_that_of_the_installation():
    assert version("wiki-embeddings") == __version__


def test_the_lengths_of_passages_are_charted(vectors):
    text = section(card(with_lengths(vectors, [0, 5, 0, 0], [0, 5, 2, 3])), "Length of passages")
    assert "title included" in text
    (chart,) = re.findall(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert chart.splitlines() == [
        "  16–31  10  " + "█" * 40,
        "  32–47   2  " + "█" * 8,
        "    48+   3  " + "█" * 12,
    ]


def test_without_lengths_there_is_no_chart(vectors):
    assert "## Length of passages" in card(vectors)
    assert "## Length of passages" not in card(with_lengths(vectors, [0, 0], [0, 0]))


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


MINILM = {"model": DEFAULT_MODEL, "revision": KNOWN_MODELS[DEFAULT_MODEL].revision}


def quality(vectors, precision="float32", **chunks):
    """The section on retrieval of a card for MiniLM."""
    made = with_settings(vectors, "embeddings", **MINILM, precision=precision)
    return section(card(with_settings(made, "chunks", **chunks)), "Retrieval quality")


def test_retrieval_results_are_those_of_the_same_settings(vectors):
    with_titles = quality(vectors)
    assert "not on this edition: 167 questions about 83" in with_titles
    assert "| vectors in float32, as here | 0.635 | 0.874 | 0.928 | 0.743 |" in with_titles
    assert "| vectors in int8 | 0.641 | 0.880 | 0.928 | 0.743 |" in with_titles
    assert "| BM25, for comparison | 0.647 | 0.802 | 0.826 | 0.719 |" in with_titles
    assert "were not measured" not in with_titles
    assert "Not measured with these settings." in quality(vectors, title_prefix=False)


def test_settings_without_measurements_are_marked(vectors):
    assert "computed in float16, like these, were not measured" in quality(vectors, "float16")
    assert "Not measured with these settings." in quality(vectors, token_budget=128)
    assert "Not measured with these settings." in section(card(vectors), "Retrieval quality")


def test_the_card_names_the_export_that_the_text_comes_from(vectors):
    made = {"source": "mediawiki_content_current", "wiki_id": "simplewiki", "revision": "ab12"}
    text = card(with_settings(vectors, "raw", **made))
    assert "Wikimedia's export `mediawiki_content_current/simplewiki` of 20231101" in text
    assert "`SHA256SUMS` with SHA-256 `ab12`" in text
    assert front_matter(text)["source_datasets"] == ["original"]


def test_the_published_score_of_the_model_names_its_source(vectors):
    text = quality(vectors, token_budget=128)
    assert "mean nDCG@10 of 41.95, according to the\ncard of [thenlper/gte-small]" in text
    assert "not this dataset" in text


def test_every_known_model_but_one_has_a_published_score():
    assert [name for name, model in KNOWN_MODELS.items() if model.retrieval is None] == [
        "intfloat/multilingual-e5-small"
    ]


def test_the_first_snapshot_is_marked(vectors):
    assert "first snapshot published here" in section(
        card(vectors, is_first=True), "What changed since the last snapshot"
    )


def test_an_unpublished_card_does_not_say_what_changed(vectors):
    assert "What changed" not in card(vectors)


def test_a_later_snapshot_is_compared_with_the_one_before(vectors):
    earlier = with_settings(
        with_settings(vectors, "raw", snapshot="20221101"), "embeddings", precision="int8"
    )
    fewer = dataclasses.replace(earlier, files=vectors.files[:1])
    before = json.loads(json.dumps(summary(fewer)))
    text = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| | 20221101 | 20231101 | difference |" in text
    assert "| Passages | 10 | 20 | +10 |" in text
    assert "- Arithmetic: `int8` → `float32`" in text
    assert text.count("→") == 1
    assert "first snapshot" not in text


def test_a_count_that_shrank_has_a_negative_difference(vectors):
    before = {**summary(vectors), "articles": 1_234_567}
    text = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| Articles | 1,234,567 | 10 | -1,234,557 |" in text
    assert "| Passages | 20 | 20 | 0 |" in text
    assert "made with the same settings" in text


def test_a_setting_that_an_earlier_release_did_not_record_is_not_known(vectors):
    before = summary(vectors)
    del before["settings"]["runtime"]
    assert "- Runtime: not known → `onnxruntime 1.32.0`" in card(vectors, previous=before)


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


def test_the_card_links_to_the_code_that_made_it(vectors):
    assert f"| Code | wiki-embeddings {__version__}; stages" in card(vectors)
    link = f"| Code | [wiki-embeddings {__version__}](https://example.org/ada/wiki); stages"
    assert link in card(vectors, code_url="https://example.org/ada/wiki")
