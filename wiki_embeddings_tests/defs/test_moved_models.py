"""A model in a folder is named by its content: moved or renamed, it is the same model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.manifest import Manifest
from wiki_embeddings_tests.encoders.references import edit_json
from wiki_embeddings_tests.support.homes import SMALL, cli, finished_shards

QUESTION = "Who fell at Troy?"


def run(home: Path, model: Path) -> str:
    ran = cli(home, "run", "--wiki", "sample", "--model", str(model), *SMALL)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder with a home, and in `models/first` the model that made it."""
    root = tmp_path_factory.mktemp("made")
    shutil.copytree(tiny_model, root / "models" / "first")
    run(root / "home", root / "models" / "first")
    return root


@pytest.fixture
def moved(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A home whose model is no longer where it was, and the place where it is now."""
    home = Path(shutil.copytree(made / "home", tmp_path / "home", symlinks=True))
    model = tmp_path / "elsewhere" / "second"
    shutil.copytree(made / "models" / "first", model)
    (made / "models" / "first").rename(made / "models" / "gone")
    return home, model


@pytest.fixture(autouse=True)
def _restore(made: Path):
    yield
    if (made / "models" / "gone").exists():
        (made / "models" / "gone").rename(made / "models" / "first")


def test_a_moved_and_renamed_model_computes_nothing_again(moved: tuple[Path, Path]):
    home, model = moved
    before = {stage: finished_shards(home, stage) for stage in ("chunks", "embeddings")}
    assert all(before.values())
    run(home, model)
    assert {stage: finished_shards(home, stage) for stage in before} == before
    assert (home / "hub" / "wikipedia-sample-second-dry-run").is_dir()
    found = cli(home, "search", QUESTION)
    assert found.returncode == 0, found.stderr
    assert QUESTION in found.stdout


def test_a_search_says_where_the_model_was_and_takes_its_new_place(moved: tuple[Path, Path], made):
    home, model = moved
    lost = cli(home, "search", QUESTION)
    assert lost.returncode != 0
    told = " ".join(lost.stderr.split())
    revision = resolve(model).revision
    assert f"{made / 'models' / 'first'} ({revision}), which is not here" in told
    assert "name it with --model" in told
    found = cli(home, "search", QUESTION, "--model", str(model))
    assert found.returncode == 0, found.stderr
    assert QUESTION in found.stdout
    dataset = next((home / "hub").iterdir())
    published = cli(home, "search", QUESTION, "--dataset", str(dataset), "--model", str(model))
    assert published.returncode == 0, published.stderr


def test_a_search_refuses_another_model_in_its_place(moved: tuple[Path, Path]):
    home, model = moved
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    refused = cli(home, "search", QUESTION, "--model", str(model))
    assert refused.returncode != 0
    assert f"not {resolve(model).revision}" not in refused.stderr
    assert resolve(model).revision in " ".join(refused.stderr.split())


def test_a_model_on_the_hub_has_no_other_place(made: Path, tmp_path: Path):
    home = Path(shutil.copytree(made / "home", tmp_path / "home", symlinks=True))
    ran = cli(home, "run", "--wiki", "sample", *SMALL)
    assert ran.returncode == 0, ran.stderr
    refused = cli(home, "search", QUESTION, "--model", str(made / "models" / "first"))
    assert refused.returncode != 0
    assert "leave --model out" in " ".join(refused.stderr.split())


def change_settings(folder: Path) -> None:
    edit_json(folder / "config.json", num_attention_heads=4)


def change_tokenizer(folder: Path) -> None:
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)


def change_weights(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


@pytest.mark.parametrize("change", [change_settings, change_tokenizer, change_weights])
def test_a_model_of_other_content_is_another_model(
    change: Callable[[Path], None], tiny_model: Path, tmp_path: Path
):
    folder = Path(shutil.copytree(tiny_model, tmp_path / tiny_model.name))
    before = resolve(tiny_model).identity
    assert resolve(folder).identity == before
    change(folder)
    assert resolve(folder).identity != before


def test_the_place_of_a_model_decides_no_digest():
    def manifest(place: str | None) -> Manifest:
        return Manifest("toy", "raw", "toy/raw/0123", None, {}, (), place)

    # As computed before manifests named a place.
    expected = "300a167c14849390b794ab210c02b08dce1c3175ae25a64822e8f7956541ab57"
    assert {manifest(place).digest for place in (None, "/a", "/b")} == {expected}
