"""The command line as a person runs it: in a process, or here where it is refused at once."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pyarrow.dataset as pads
import pytest

from wiki_embeddings.asset_keys import ASSET_KEYS
from wiki_embeddings.cli.main import cli as cli_group
from wiki_embeddings.defs.config import CONFIGS, plain_value
from wiki_embeddings_tests.support.homes import cli, cli_in_this_process, environment

DATASET = "wikipedia-sample-all-MiniLM-L6-v2-dry-run"
FEW = ("--fraction", "0.05", "--articles-per-shard", "1")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home in which a few articles of the sample have been embedded with the real weights."""
    home = tmp_path_factory.mktemp("cli")
    ran = cli(home, "run", "--wiki", "sample", *FEW, COLUMNS="60")
    assert ran.returncode == 0, ran.stderr + ran.stdout
    (home / "first-run.txt").write_text(ran.stdout)
    return home


def folder_of(home: Path, stage: str) -> Path:
    (manifest,) = (home / "volume" / "sample" / stage).glob("*/manifest.json")
    return manifest.parent


def test_a_run_ends_with_a_table_of_what_was_made_and_where_in_sixty_columns(home):
    printed = (home / "first-run.txt").read_text()
    for asset in ASSET_KEYS:
        assert len(re.findall(rf"^ +{asset} ", printed, re.M)) >= 2, "what, and where"
    folded = re.sub(r"\s", "", printed)
    assert DATASET in folded
    assert "4/4shards" in folded, "there were bars"
    assert "…" not in printed
    assert max(map(len, printed.splitlines())) <= 60


def test_nothing_is_lost_from_article_to_published_row(home):
    manifests = {
        stage: json.loads((folder_of(home, stage) / "manifest.json").read_text())["totals"]
        for stage in ("raw", "chunks", "embeddings", "hub")
    }
    assert manifests["raw"]["rows"] == manifests["chunks"]["articles"] == 5
    assert manifests["raw"]["characters"] == manifests["chunks"]["characters"]
    assert manifests["chunks"]["rows"] == manifests["embeddings"]["rows"] > 50
    assert manifests["embeddings"]["rows"] == manifests["hub"]["rows"]
    articles = pads.dataset(folder_of(home, "raw"), exclude_invalid_files=True).to_table()
    published = pads.dataset(home / "hub" / DATASET / "data").to_table()
    for article in articles.to_pylist():
        mine = [row for row in published.to_pylist() if row["id"] == article["id"]]
        assert [row["chunk_index"] for row in mine] == list(range(len(mine)))
        assert "".join(row["text"] for row in mine) == article["text"]


def test_a_second_run_keeps_everything(home):
    again = cli(home, "run", "--wiki", "sample", *FEW, "--json")
    assert again.returncode == 0
    assert "kept from an earlier run" in again.stderr
    report = json.loads(again.stdout)
    assert (report["wiki"], report["success"], report["errors"]) == ("sample", True, [])
    assert [asset["asset"] for asset in report["assets"]] == list(ASSET_KEYS)
    assert report["assets"][0]["rows"] == 5
    assert Path(report["assets"][-1]["place"]).name == DATASET
    assert [check["check"] for check in report["checks"] if not check["passed"]] == []


def test_the_status_says_which_snapshots_are_where(home):
    told = cli_in_this_process(home, "status", WIKI_EMBEDDINGS_WIKIS="sample,de,nds")
    assert (told.returncode, told.stderr) == (0, "")
    sample, german, unknown = told.stdout.split("\n\n")[1:]
    assert re.search(r"snapshot   20160501, [\d,]+ days old, 5 articles, 0.05 of all", sample)
    assert f"published  {home / 'hub' / DATASET}" in sample
    assert "refresh    never" in sample
    assert re.search(r"none yet\n.*not yet\n.*at most [\d]+ h \d\d min on this", german)
    assert "is not known before" in unknown
    found = json.loads(cli_in_this_process(home, "status", "--json").stdout)
    assert [wiki["wiki"] for wiki in found] == ["sample", "de", "nds"]
    assert found[0]["snapshots"][0]["bytes"] > 10_000
    assert found[1]["refresh"]["bytes"] > 1e9


def test_every_option_shows_its_default():
    """But for plain flags, which are off, and what a search takes from its dataset."""
    without = []
    for name, command in cli_group.commands.items():
        context = click.Context(command, show_default=True)
        for option in command.params:
            is_plain_flag = getattr(option, "is_flag", False) and not option.secondary_opts
            if (
                isinstance(option, click.Option)
                and not is_plain_flag
                and name not in {"search", "serve"}
            ):
                _, text = option.get_help_record(context) or ("", "")
                without += [] if "default" in text else [f"{name} {option.opts[0]}"]
    assert without == []


def test_the_defaults_that_run_shows_are_those_of_the_assets():
    fields: dict[str, set[str]] = {}
    for config in CONFIGS.values():
        for name, field in config.model_fields.items():
            fields.setdefault(name, set()).add(str(plain_value(field.default)))
    shown = {
        option.name: option.show_default
        for option in cli_group.commands["run"].params
        if isinstance(option, click.Option) and option.name in fields
    }
    words = {"None", "True", "False", "0", "0.0", ""}  # which are said in other words
    differing = {
        name: (text, fields[name])
        for name, text in shown.items()
        if not fields[name] & words and str(text).partition(",")[0] not in fields[name]
    }
    assert differing.keys() <= {"deadline_minutes"}, "which has two"
    assert len(shown) > 15


@pytest.mark.parametrize("where", ["volume", "folder"])
def test_search_prints_titles_scores_and_addresses(home, where):
    folder = str(home / "hub" / DATASET)
    place = ("--dataset", folder) if where == "folder" else ("--wiki", "sample")
    published = pads.dataset(Path(folder) / "data").to_table(["title", "url", "text"]).to_pylist()
    wanted = max(published, key=lambda row: len(row["text"]))
    found = cli(home, "search", wanted["text"][:500], "-k", "2", *place)
    assert found.returncode == 0, found.stderr
    assert wanted["title"] in found.stdout
    assert wanted["url"] in found.stdout
    best, *others = (float(score) for score in re.findall(r"^  (0\.\d{3})  ", found.stdout, re.M))
    assert best > 0.7, "a passage is near to its own beginning"
    assert len(others) == 1
    assert others[0] <= best


def test_search_on_the_volume_loads_nothing_that_it_can_do_without(home):
    program = (
        "import sys; from wiki_embeddings.cli.main import cli; "
        "cli(['search', 'Who fell at Troy?'], standalone_mode=False); "
        "needless = {'dagster', 'datasets', 'huggingface_hub', 'httpx', 'modal', 'onnx', "
        "'onnxruntime', 'openvino', 'torch', 'rich.progress'}; "
        "assert not needless & set(sys.modules), needless & set(sys.modules)"
    )
    searched = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert searched.returncode == 0, searched.stderr


def test_search_in_a_home_of_an_earlier_release_asks_dagsters_record(home, tmp_path):
    with_record = cli(home, "search", "Who fell at Troy?")
    earlier = shutil.copytree(home, tmp_path / "home", symlinks=True)
    (earlier / "volume" / "sample" / "current.json").unlink()
    found = cli(earlier, "search", "Who fell at Troy?")
    assert (found.stdout, found.stderr) == (with_record.stdout, "")


def test_search_of_a_dataset_on_the_hub_takes_its_model_from_its_card(home, hub, tmp_path):
    folder = home / "hub" / DATASET
    hub.add("somebody/published", folder.resolve())
    (wanted,) = pads.dataset(folder / "data").head(1, columns=["title", "text"]).to_pylist()
    place = ("--dataset", "somebody/published")
    found = cli(tmp_path, "search", wanted["text"][:500], *place, HF_ENDPOINT=hub.url)
    assert found.returncode == 0, found.stderr
    assert wanted["title"] in found.stdout
    assert re.fullmatch(r"Fetching \d\.\d MB of somebody/published, kept in .*\n", found.stderr)
    fetched = hub.body_bytes("/store/")
    again = cli(tmp_path, "search", wanted["text"][:500], *place, HF_ENDPOINT=hub.url)
    assert (again.stdout, again.stderr) == (found.stdout, "")
    assert hub.body_bytes("/store/") == fetched


def test_search_of_a_dataset_that_the_hub_lacks_is_refused_in_a_sentence(hub, tmp_path):
    failed = cli(tmp_path, "search", "anything", "--dataset", "no/such", HF_ENDPOINT=hub.url)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: Cannot read the dataset no/such at revision main:")
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "--wiki", "Klingon"], "not the language code of a Wikipedia"),
        (["remove", "klingon"], "There is no wiki 'klingon' here, only sample"),
        (["remove", "sample"], "sample is one of the wikis to begin with"),
        (["add", "sample", "--refresh"], "sample is installed with the project and never changes"),
        (["run", "--fraction", "2"], "fraction is 2.0: Input should be less than or equal to 1"),
        (["run", *FEW, "--model", "/no/such/model"], "/no/such/model"),
        (["run", *FEW, "--token-budget", "60"], "60 tokens is too small"),
        (["run", *FEW, "--token-budget", "1000"], "reads at most 256"),
        (["run", *FEW, "--engine", "cpu", "--precision", "float16"], "or int8, not in 'float16'"),
        (["search", "anything", "--wiki", "en"], "embeddings of en has not been materialized"),
        (["search", "anything", "--dataset", "/nowhere"], "/nowhere is not a published dataset"),
        (["search", "anything", "--revision", "v1"], "--revision v1 applies only to a dataset"),
        (["search", "anything", "--config", "small"], "is a part of a published dataset"),
    ],
)
def test_a_command_that_cannot_work_is_refused_in_a_sentence(tmp_path, arguments, sentence):
    failed = cli_in_this_process(tmp_path, *arguments)
    assert failed.returncode == 1
    assert sentence in " ".join(failed.stderr.split())
    assert "Traceback" not in failed.stderr + failed.stdout
    assert not (tmp_path / "volume").exists(), "nothing was fetched"


def test_an_unknown_config_is_refused_with_those_that_exist(tmp_path):
    failed = cli_in_this_process(
        tmp_path, "search", "anything", "--dataset", "a/b", "--config", "medium"
    )
    assert failed.returncode == 2
    assert "'medium' is not one of 'small', 'default'" in failed.stderr


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WIKI_EMBEDDINGS_COMPUTE", "cluster", "WIKI_EMBEDDINGS_COMPUTE is 'cluster'"),
        ("WIKI_EMBEDDINGS_HUB_NAMESPACE", "a/b", "WIKI_EMBEDDINGS_HUB_NAMESPACE is 'a/b'"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_in_a_sentence(tmp_path, variable, value, sentence):
    failed = cli_in_this_process(tmp_path, "run", *FEW, **{variable: value})
    assert failed.returncode == 1
    assert sentence in " ".join(failed.stderr.split())
    assert "Traceback" not in failed.stderr + failed.stdout


def test_an_estimate_starts_nothing_and_fits_a_terminal(tmp_path):
    home = tmp_path / "home"
    estimate = cli_in_this_process(
        home, "estimate", "--gpu", "A10", "--containers", "50", COLUMNS="80"
    )
    assert estimate.returncode == 0, estimate.stderr
    table, notes = estimate.stdout.split("total", 1)
    assert "…" not in table, "every column is there in full"
    narrow = cli_in_this_process(home, "estimate", "--gpu", "A10", COLUMNS="60").stdout
    table, _ = narrow.split("6,407,814 articles", 1)
    assert "…" not in table
    assert "embeddings" in table
    for asset in ASSET_KEYS:
        assert asset in table
    for basis in ("measured", "published", "predicted", "assumed"):
        assert re.search(rf"^  {basis} ", notes, re.M)
    assert estimate.stdout.splitlines()[-1].startswith("Not measured: any GPU")
    assert not home.exists()


def test_an_estimate_for_machines_is_json(tmp_path):
    options = ("--wiki", "sample", "--cores", "2", "--json")
    estimate = json.loads(cli_in_this_process(tmp_path, "estimate", *options).stdout)
    assert [asset["asset"] for asset in estimate["assets"]][2] == "embeddings"
    assert estimate["total"]["dollars"] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--wiki", "xx"], "The size of 'xx' is not known here"),
        (["--gpu", "K80"], "speed of Modal's GPU 'K80' is not known here"),
        (["--cores", "0"], "--cores is 0: choose one above 0"),
    ],
)
def test_what_cannot_be_estimated_is_refused_in_a_sentence(tmp_path, arguments, sentence):
    failed = cli_in_this_process(tmp_path, "estimate", *arguments)
    assert failed.returncode == 1
    assert sentence in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_home_that_cannot_be_written_to_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")
    failed = cli_in_this_process(tmp_path / "file" / "home", "run", "--wiki", "sample")
    assert failed.returncode == 1
    assert "a file is in the way of a folder" in failed.stderr
    assert "Traceback" not in failed.stderr
