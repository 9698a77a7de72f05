"""The line in `.env` that names the Dagster home, as Dagster reads it."""

from __future__ import annotations

import os
from unittest import mock

import pytest
from dagster._core.secrets.env_file import get_env_var_dict

from wiki_embeddings.cli.install import name_home


def as_dagster_reads(folder, **environment):
    with mock.patch.dict(os.environ, environment, clear=True):
        return get_env_var_dict(str(folder))


def test_dagster_finds_the_home_unless_the_shell_names_another(tmp_path):
    home = tmp_path / "a folder" / "dagster"
    assert name_home(tmp_path / ".env", home)
    assert as_dagster_reads(tmp_path) == {"DAGSTER_HOME": str(home)}
    assert as_dagster_reads(tmp_path, DAGSTER_HOME="/other") == {"DAGSTER_HOME": "/other"}


def test_other_lines_stay_and_nothing_is_added_twice(tmp_path):
    file = tmp_path / ".env"
    file.write_text("HF_TOKEN=hf_secret")
    assert name_home(file, tmp_path)
    assert not name_home(file, tmp_path / "other")
    assert as_dagster_reads(tmp_path) == {"HF_TOKEN": "hf_secret", "DAGSTER_HOME": str(tmp_path)}


@pytest.mark.parametrize("line", ["DAGSTER_HOME=/mine", "export DAGSTER_HOME=/mine"])
def test_a_home_that_the_file_names_already_is_kept(tmp_path, line):
    file = tmp_path / ".env"
    file.write_text(line)
    assert not name_home(file, tmp_path)
    assert file.read_text() == line
