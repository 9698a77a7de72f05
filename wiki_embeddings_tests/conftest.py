from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from wiki_embeddings.volume import Volume
from wiki_embeddings_tests.standins.hub import hub_fixture
from wiki_embeddings_tests.standins.modal.fixtures import modal_plane_fixture
from wiki_embeddings_tests.support.tiny_model import write_tiny_model

__all__ = ["hub_fixture", "modal_plane_fixture"]


SLOWEST = ("compute/modal/", "cli/test_ui", "defs/", "cli/", "publishing/", "standins/")
"""Beginnings of the paths of tests that run many processes, the slowest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow files first: a worker that began one last would keep the others waiting."""

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent).as_posix()
        return next((n for n, begin in enumerate(SLOWEST) if path.startswith(begin)), len(SLOWEST))

    items.sort(key=rank)


# A busy machine is slow: no property test fails for the time that an example takes.
hypothesis.settings.register_profile("project", deadline=None, max_examples=50)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """Restore the default for SIGINT: a shell's background job ignores it, as do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def _any_size() -> Iterator[None]:
    """Refuse no run for its size: the wikis of tests have the names of large ones."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("WIKI_EMBEDDINGS_MAX_LOCAL_HOURS", "none")
        monkeypatch.setenv("WIKI_EMBEDDINGS_MAX_LOCAL_GB", "none")
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny model."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    """An empty volume."""
    return Volume(tmp_path / "volume")
