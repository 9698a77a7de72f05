from __future__ import annotations

import shutil
from pathlib import Path

from wiki_embeddings_tests.standins.hub import TOKEN, WRITE_TOKEN, LocalHub
from wiki_embeddings_tests.support.homes import SMALL, cli

MODEL = "cantor/tiny-bert"
REPO_ID = "cantor/wikipedia-sample-tiny-bert-dry-run"


def test_the_command_line_publishes_in_private_and_searches_what_it_has_published(
    tmp_path: Path, hub: LocalHub, tiny_model: Path
):
    hub.add(MODEL, tiny_model, repo_type="model")
    home = tmp_path / "home"
    environment = {
        "WIKI_EMBEDDINGS_HUB_NAMESPACE": "cantor",
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
    }
    run = ("run", "--model", MODEL, *SMALL)
    refused = cli(home, *run, **environment, HF_TOKEN=TOKEN)
    assert refused.returncode == 1
    assert "ada's token (read) may write to nothing" in refused.stderr

    hub.add(REPO_ID, {"README.md": b"# Of somebody else"}, private=True)
    taken = cli(home, *run, "--private", **environment, HF_TOKEN=WRITE_TOKEN)
    assert taken.returncode == 1
    assert "`--replace-existing`" in taken.stderr
    assert not (home / "volume" / "sample").exists(), "refused before the first article"

    replacing = ("--private", "--replace-existing")
    done = cli(home, *run, *replacing, **environment, HF_TOKEN=WRITE_TOKEN)
    assert done.returncode == 0, done.stderr
    assert f"{hub.url}/datasets/{REPO_ID}" in done.stdout
    assert "13 of 14 checks passed" in done.stdout
    assert hub.repository(REPO_ID).private

    search = ("search", "What is anarchism?", "--dataset", REPO_ID)
    found = cli(home, *search, **environment, HF_TOKEN=WRITE_TOKEN)
    assert found.returncode == 0, found.stderr
    assert "https://en.wikipedia.org/wiki/" in found.stdout
    stranger = cli(tmp_path / "elsewhere", *search, **environment, HF_TOKEN="")
    assert stranger.returncode == 1
    assert "private" in stranger.stderr

    runs = (refused, taken, done, found, stranger)
    assert not [run for run in runs if WRITE_TOKEN in run.stdout + run.stderr]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if WRITE_TOKEN.encode() in path.read_bytes()]


def test_a_model_folder_whose_name_the_hub_refuses_is_refused_before_the_first_article(
    tmp_path: Path, hub: LocalHub, tiny_model: Path
):
    model = tmp_path / "my model"
    shutil.copytree(tiny_model, model)
    environment = {
        "WIKI_EMBEDDINGS_HUB_NAMESPACE": "cantor",
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": WRITE_TOKEN,
    }
    refused = cli(tmp_path / "home", "run", "--model", str(model), *SMALL, **environment)
    assert refused.returncode == 1
    assert "cantor/wikipedia-sample-my model-dry-run is not a name that" in refused.stderr
    assert not (tmp_path / "home" / "volume" / "sample").exists()
