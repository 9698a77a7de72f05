"""Planes with the toy app deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import modal_plane_fixture, use_plane
from wiki_embeddings_tests.standins.modal.options import Options

__all__ = ["modal_plane_fixture"]

TOY_SECRETS = {"toy-secret": {"TOY_TOKEN": "very secret"}}


def write_toy_app(folder: Path, *, version: int = 1) -> Path:
    """Write the toy app's source to a folder, to deploy it from there."""
    folder.mkdir(exist_ok=True)
    text = Path(__file__).with_name("toy_app.py").read_text()
    (folder / "toy_app.py").write_text(text.replace("VERSION = 1", f"VERSION = {version}"))
    return folder


def begun(folder: Path, *names: str) -> bool:
    """True if inputs of the toy function `hold` have begun."""
    return all((folder / f"{name}.begun").exists() for name in names)


@pytest.fixture(scope="module")
def shared_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A plane with the toy app, for all tests of a module."""
    folder = tmp_path_factory.mktemp("plane")
    options = Options(scaledown_window_s=60.0, retry_delay_s=0.05, kill_grace_s=0.5)
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        ControlPlane(folder, TOY_SECRETS, options) as plane,
        use_plane(plane, monkeypatch),
    ):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path_factory.mktemp("source")))
        yield plane


@pytest.fixture
def toy_plane(shared_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The module's plane, with no faults ordered."""
    yield shared_plane
    shared_plane.faults.clear()
