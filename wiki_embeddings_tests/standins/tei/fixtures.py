"""The fixture that puts the stand-in on the PATH."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.tei.install import install
from wiki_embeddings_tests.standins.tei.orders import (
    VARIABLE,
    Orders,
    Served,
    read_pids,
    read_served,
    write_orders,
)


@dataclass(frozen=True)
class LocalTei:
    """The stand-in, for a test.

    Attributes:
        folder: Folder of orders and notes.
    """

    folder: Path

    def order(self, *lives: Orders) -> None:
        """Order the behaviour of the next processes, one after another."""
        write_orders(self.folder, lives)

    @property
    def pids(self) -> list[int]:
        """Ids of all processes, in order of their start."""
        return read_pids(self.folder)

    @property
    def served(self) -> list[Served]:
        """All requests for vectors, in order."""
        return read_served(self.folder)


@contextmanager
def local_tei(folder: Path) -> Iterator[LocalTei]:
    """The stand-in, on the PATH.

    Args:
        folder: A folder for the executable, orders and notes.
    """
    executable = install(folder / "bin")
    notes = folder / "tei"
    notes.mkdir()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PATH", str(executable.parent), prepend=os.pathsep)
        monkeypatch.setenv(VARIABLE, str(notes))
        yield LocalTei(notes)


@pytest.fixture(name="tei")
def tei_fixture(tmp_path: Path) -> Iterator[LocalTei]:
    """The stand-in, on the PATH."""
    with local_tei(tmp_path) as tei:
        yield tei
