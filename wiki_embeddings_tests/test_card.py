from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys

import pytest
import yaml
from huggingface_hub import DatasetCard

from wiki_embeddings.card import card, dataset_name, license_of, snippet
from wiki_embeddings.compute.local import LocalCompute
from wiki_embeddings.drive import drive
from wiki_embeddings.progress import silent
from wiki_embeddings.stages import publish
from wiki_embeddings_tests.synthetic import MODEL, SETTINGS, write_embeddings


@pytest.fixture
def vectors(volume):
    return write_embeddings(volume, shards=2, rows_each=10)


@pytest.fixture
def folder(volume, vectors):
    """A published folder."""
    plan = publish.plan(vectors, file_bytes=1)
    drive(plan, LocalCompute(volume.root, cores=1), silent, "hub_dataset")
    return volume.path(plan.folder)


def changed(vectors, stage, **settings):
    """The same embeddings, made with other settings of one stage."""
    return dataclasses.replace(
        vectors, settings={**SETTINGS, stage: {**SETTINGS[stage], **settings}}
    )


def front_matter(text):
    return yaml.safe_load(text.split("---\n")[1])


def markdown(text):
    return text.split("---\n", 2)[2]


def run(code, cwd, cache):
    """Run Python that a reader has copied, in a process of its own, without the network."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, "HF_DATASETS_CACHE": str(cache), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


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
    file = dataclasses.replace(vectors.files[0], rows=rows)
    told = front_matter(card(dataclasses.replace(vectors, files=(file,))))
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
    assert "huggingface.co" not in markdown(text).split("## Columns")[0].replace(
        "wikimedia/wikipedia", ""
    )
    assert f"| Model | my-model, revision `{revision}` |" in text


def test_a_dry_run_says_so(vectors):
    assert "0.01, a dry run" in card(changed(vectors, "raw", fraction=0.01))


def test_the_snippet_of_the_card_runs_in_its_folder(tmp_path, folder):
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    told = run(code, folder, tmp_path / "cache")
    assert told[0] == "1.000 Article 0"
    assert len(told) == 5


def test_the_snippet_takes_any_folder(tmp_path, folder):
    odd = tmp_path / 'Ada\'s "data" {0}'
    odd.symlink_to(folder, target_is_directory=True)
    assert run(snippet(str(odd)), tmp_path, tmp_path / "cache")[0] == "1.000 Article 0"


def test_the_licence_follows_the_date_of_the_text():
    assert license_of("20160601").id == "cc-by-sa-3.0"
    assert license_of("20230607").id == "cc-by-sa-4.0"


def test_the_dataset_is_named_by_wiki_and_model(vectors):
    assert dataset_name(vectors) == "wikipedia-simple-tiny-model"


def test_a_dry_run_does_not_take_the_name_of_the_whole(vectors):
    dry = changed(vectors, "raw", fraction=0.5)
    assert dataset_name(dry) == "wikipedia-simple-tiny-model-dry-run"
