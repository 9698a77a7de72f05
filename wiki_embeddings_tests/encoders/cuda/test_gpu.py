"""What is said about a GPU that cannot be used, with a stand-in for NVIDIA's driver."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wiki_embeddings.encoders.cuda import gpu


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that says, as the driver does, that it supports CUDA 12.8 at most."""
    monkeypatch.setattr(gpu, "_MANAGEMENT", "no-such-library.so")
    code = "int cuDriverGetVersion(int *version) { *version = 12080; return 0; }\n"
    monkeypatch.setattr(gpu, "_DRIVER", compiled(tmp_path / "driver.c", code))


def compiled(source: Path, code: str) -> str:
    """Compile a library; returns its path."""
    source.write_text(code)
    library = source.with_suffix(".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)


@pytest.mark.usefixtures("driver")
def test_a_driver_too_old_for_pytorch_is_named_with_what_to_do():
    sentence = gpu._why_unusable("13.0")
    assert sentence.startswith(
        "NVIDIA's driver here is too old: it supports CUDA 12.8 at most, and this PyTorch is built "
        "for CUDA 13.0. Install a newer driver (CUDA 13 needs release 580)"
    )


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(("initialised", "named"), [(0, " 570.86.15"), (9, "")])
def test_the_release_of_the_driver_is_told_if_it_can_be_asked(
    tmp_path, monkeypatch, initialised, named
):
    code = f"""
#include <string.h>
int nvmlInit_v2(void) {{ return {initialised}; }}
int nvmlSystemGetDriverVersion(char *release, unsigned int size) {{
    strncpy(release, "570.86.15", size);
    return 0;
}}
"""
    monkeypatch.setattr(gpu, "_MANAGEMENT", compiled(tmp_path / "management.c", code))
    assert gpu._why_unusable("13.0").startswith(f"NVIDIA's driver{named} here is too old")
    assert f"NVIDIA's driver{named} (for CUDA 12.8)" in gpu._why_unusable("12.8")


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("cuda", ["12.8", "12.6"])
def test_a_driver_that_is_new_enough_is_not_blamed(cuda):
    sentence = gpu._why_unusable(cuda)
    assert "although NVIDIA's driver (for CUDA 12.8) is installed" in sentence


def test_without_a_driver_no_version_is_made_up(monkeypatch):
    monkeypatch.setattr(gpu, "_DRIVER", "no-such-library.so")
    assert "although NVIDIA's driver is installed" in gpu._why_unusable("13.0")
