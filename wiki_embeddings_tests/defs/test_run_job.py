from __future__ import annotations

import pytest

from wiki_embeddings.defs.run_job import run_config_of
from wiki_embeddings.errors import BadInputError


def config(asset: str, **options: str) -> dict[str, str]:
    return run_config_of(options)["ops"][asset]["config"]


def test_paths_of_options_are_absolute_so_that_a_refresh_finds_them(tmp_path, monkeypatch):
    (tmp_path / "org/model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    titles = config("raw_wikipedia", required_titles="vital.txt")
    assert titles == {"required_titles": f"{tmp_path}/vital.txt"}
    for given, known in {
        "org/model": f"{tmp_path}/org/model",
        "./missing": f"{tmp_path}/missing",
        "~/model": f"{tmp_path}/home/model",
        "/model": "/model",
    }.items():
        assert config("chunked_volume", model=given) == {"model": known}


def test_the_name_of_a_model_on_the_hub_stays_a_name():
    name = "sentence-transformers/all-MiniLM-L6-v2"
    assert config("chunked_volume", model=name) == {"model": name}


def test_the_home_of_a_user_that_is_not_here_is_refused():
    with pytest.raises(BadInputError, match="required_titles is '~nobody-here"):
        run_config_of({"required_titles": "~nobody-here/vital.txt"})
