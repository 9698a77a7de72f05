from __future__ import annotations

import dataclasses
import json
import re
from importlib.metadata import version

import pytest
import yaml
from huggingface_hub import DatasetCard

from wiki_embeddings import __version__
from wiki_embeddings.card import card, dataset_name, license_of, summary
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


def changed(vectors, stage, **settings):
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
    """What stands under a heading."""
    (found,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    return found


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def markdown(text):
    return text.split("---\n", 2)[2]


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
    assert [info["config_name"] for info in data["dataset_info"]] == ["default", "vectors", "small"]
    for info in data["dataset_info"]:
        (split,) = info["splits"]
        assert (split["name"], split["num_examples"]) == ("train", 20)
        assert split["num_bytes"] > 20 * 8 * 2, "the vectors alone are that large"
        features = {feature["name"]: feature for feature in info["features"]}
        assert features["embedding"] == {"name": "embedding", "list": "float16", "length": 8}
        assert features["id"] == {"name": "id", "dtype": "int64"}


def test_search_finds_in_the_front_matter_how_to_embed_a_question(vectors):
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


def test_the_config_without_text_is_made_of_the_same_files(vectors):
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


def test_a_revision_of_digits_stays_text(vectors):
    told = front_matter(card(changed(vectors, "embeddings", revision="1" * 40)))
    assert told["wiki_embeddings"]["revision"] == "1" * 40


def test_norwegian_is_no_boolean(vectors):
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
    told = front_matter(card(with_rows(vectors, rows)))
    assert told["size_categories"] == [category]


def test_an_order_over_all_rows_is_told_only_where_no_files_overlap(vectors):
    first, second = vectors.files
    overlapping = dataclasses.replace(second, min_id=first.max_id)
    apart, together = (
        card(vectors),
        card(dataclasses.replace(vectors, files=(first, overlapping))),
    )
    assert "Rows ascend by `id` and `chunk_index`." in apart
    assert "may overlap" not in apart
    assert "Rows ascend" not in together
    assert (
        "The rows of an article are together and ascend by `chunk_index`; files may overlap in "
        "page ids." in together
    )


def test_a_model_of_the_hub_is_linked(vectors):
    assert f"[{MODEL}](https://huggingface.co/{MODEL})" in card(vectors)


def test_only_search_learns_where_the_folder_of_a_model_is(vectors):
    model, revision = "/home/ada/models/my-model", "sha256:" + "a" * 64
    text = card(changed(vectors, "embeddings", model=model, revision=revision))
    assert front_matter(text)["wiki_embeddings"]["model"] == model
    assert "/home/ada" not in markdown(text)
    assert "huggingface.co" not in markdown(text)
    assert f"| Model | my-model, revision `{revision}` |" in text
    assert "SentenceTransformer" not in text


def test_on_the_hub_nobody_learns_where_the_folder_of_a_model_is(vectors):
    local = changed(
        vectors, "embeddings", model="/home/ada/models/my-model", revision="sha256:" + "a" * 64
    )
    text = card(local, repo_id=REPO_ID, previous=summary(local))
    assert "/home/ada" not in text
    assert "/home/ada" not in json.dumps(summary(local))
    assert front_matter(text)["wiki_embeddings"]["model"] == "my-model"


def test_a_dry_run_says_so(vectors):
    assert "0.01, a dry run" in card(changed(vectors, "raw", fraction=0.01))


def test_the_licence_follows_the_date_of_the_text():
    assert license_of("20160601").id == "cc-by-sa-3.0"
    assert license_of("20230607").id == "cc-by-sa-4.0"


def test_the_dataset_is_named_by_wiki_and_model(vectors):
    assert dataset_name(vectors) == "wikipedia-simple-tiny-model"


def test_a_dry_run_does_not_take_the_name_of_the_whole(vectors):
    dry = changed(vectors, "raw", fraction=0.5)
    assert dataset_name(dry) == "wikipedia-simple-tiny-model-dry-run"


def test_which_code_made_it_is_told_as_the_manifest_has_it(vectors):
    told = f"| Code | wiki-embeddings {__version__}; stages fetch 1, chunk 7, embed 1 |"
    assert told in card(changed(vectors, "chunks", version="7"))


def test_the_package_says_its_version_where_it_is_installed_and_where_it_is_not():
    assert version("wiki-embeddings") == __version__


def test_the_lengths_of_passages_are_drawn(vectors):
    told = section(card(with_lengths(vectors, [0, 5, 0, 0], [0, 5, 2, 3])), "Length of passages")
    assert "the title's included" in told
    (drawn,) = re.findall(r"```text\n(.*?)\n```", told, re.DOTALL)
    assert drawn.splitlines() == [
        "  16–31  10  " + "█" * 40,
        "  32–47   2  " + "█" * 8,
        "    48+   3  " + "█" * 12,
    ]


def test_without_lengths_there_is_no_drawing(vectors):
    assert "## Length of passages" in card(vectors)
    assert "## Length of passages" not in card(with_lengths(vectors, [0, 0], [0, 0]))


def test_throughput_is_told_where_it_is_known(vectors):
    assert "## Throughput" not in card(vectors)
    told = section(card(vectors, throughput=THROUGHPUT), "Throughput")
    for row in (
        "| Passages a second | 27.9 |",
        "| Tokens a second | 6,147 |",
        "| Characters a second | 29,252 |",
        "| Time | 1 min 07 s |",
        "| Where | one machine, 2 cores |",
    ):
        assert row in told
    assert "Cost" not in told


def test_what_a_run_in_the_cloud_cost_is_told_with_the_date_of_the_prices(vectors):
    paid = {
        **THROUGHPUT,
        "machine": "Modal, up to 50 containers",
        "gpu": "A10G",
        "dollars": 6.371,
    }
    told = section(card(vectors, throughput=paid), "Throughput")
    assert "| Where | Modal, up to 50 containers, each with one A10G |" in told
    assert "| Cost | $6.37, at the prices of 2026-07-01 |" in told


MINILM = {"model": DEFAULT_MODEL, "revision": KNOWN_MODELS[DEFAULT_MODEL].revision}


def quality(vectors, precision="float32", **chunks):
    """What the card says of retrieval for MiniLM."""
    made = changed(vectors, "embeddings", **MINILM, precision=precision)
    return section(card(changed(made, "chunks", **chunks)), "Retrieval quality")


def test_retrieval_is_told_as_measured_with_the_same_settings(vectors):
    titled, bare = quality(vectors), quality(vectors, title_prefix=False)
    assert "not on this edition: 116 questions about 76" in titled
    assert "| vectors in float32, as here | 0.698 | 0.897 | 0.948 | 0.788 |" in titled
    assert "| vectors in int8 | 0.690 | 0.897 | 0.957 | 0.784 |" in titled
    assert "| vectors in float32, as here | 0.698 | 0.845 | 0.897 | 0.770 |" in bare
    assert "were not measured" not in titled


def test_what_was_not_measured_is_told_as_such(vectors):
    assert "computed in float16, as these are, were not measured" in quality(vectors, "float16")
    assert "Not measured with these settings." in quality(vectors, token_budget=128)
    assert "Not measured with these settings." in section(card(vectors), "Retrieval quality")


def test_the_published_average_of_the_model_names_its_source(vectors):
    told = quality(vectors, token_budget=128)
    assert "41.95 on average, says the card of [thenlper/gte-small]" in told
    assert "not of this dataset" in told


def test_every_known_model_but_one_has_a_published_score():
    assert [name for name, model in KNOWN_MODELS.items() if model.retrieval is None] == [
        "intfloat/multilingual-e5-small"
    ]


def test_the_first_snapshot_says_so(vectors):
    assert "first snapshot published here" in section(
        card(vectors, is_first=True), "What changed since the last snapshot"
    )


def test_what_is_not_published_yet_does_not_say_what_changed(vectors):
    assert "What changed" not in card(vectors)


def test_a_later_snapshot_is_compared_with_the_one_before(vectors):
    earlier = changed(changed(vectors, "raw", snapshot="20221101"), "embeddings", precision="int8")
    fewer = dataclasses.replace(earlier, files=vectors.files[:1])
    before = json.loads(json.dumps(summary(fewer)))
    told = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| | 20221101 | 20231101 | difference |" in told
    assert "| Passages | 10 | 20 | +10 |" in told
    assert "- Arithmetic: `int8` → `float32`" in told
    assert told.count("→") == 1
    assert "first snapshot" not in told


def test_a_snapshot_that_shrank_says_so(vectors):
    before = {**summary(vectors), "articles": 1_234_567}
    told = section(card(vectors, previous=before), "What changed since the last snapshot")
    assert "| Articles | 1,234,567 | 10 | -1,234,557 |" in told
    assert "| Passages | 20 | 20 | 0 |" in told
    assert "made with the same settings" in told


def test_what_an_earlier_release_did_not_write_down_is_not_known(vectors):
    before = summary(vectors)
    del before["settings"]["runtime"]
    assert "- Runtime: not known → `onnxruntime 1.32.0`" in card(vectors, previous=before)


@pytest.mark.parametrize("model", KNOWN_MODELS)
def test_the_paper_of_a_known_model_is_cited(vectors, model):
    (entries,) = re.findall(
        r"```bibtex\n(.*?)```", card(changed(vectors, "embeddings", model=model)), re.DOTALL
    )
    keys = re.findall(r"^@\w+\{([\w.-]+),$", entries, re.MULTILINE)
    assert len(set(keys)) == 3, "the dataset, the model, and Wikipedia"
    assert entries.count("{") == entries.count("}")


def test_a_dataset_on_the_hub_is_cited_by_its_address(vectors):
    told = section(card(vectors, repo_id="ada_l/some_name"), "How to cite it")
    assert "author = {{ada\\_l}}," in told
    assert "url = {https://huggingface.co/datasets/ada_l/some_name}," in told
    assert "version = {20231101}," in told


@pytest.mark.parametrize("with_all", [False, True])
@pytest.mark.parametrize("model", [MINILM, {"revision": "sha256:" + "a" * 64}], ids=str)
def test_the_page_is_laid_out_as_markdown_wants_it(vectors, with_all, model):
    made = changed(with_lengths(vectors, [3], [4]), "embeddings", **model)
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
    [("simple", "en"), ("de", "de"), ("zh-min-nan", "nan"), ("be-tarask", "be"), ("als", "gsw")],
)
def test_the_language_is_named_by_a_code_that_the_hub_knows(vectors, wiki, code):
    declared = front_matter(card(dataclasses.replace(vectors, wiki=wiki)))
    assert declared["language"] == [code]
