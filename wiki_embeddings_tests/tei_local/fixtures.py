"""Puts the stand-in on the PATH of a test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from wiki_embeddings_tests.tei_local.install import install
from wiki_embeddings_tests.tei_local.orders import (
    VARIABLE,
    Orders,
    Served,
    read_pids,
    read_served,
    write_orders,
)


@dataclass(frozen=True)
class LocalTei:
    """The stand-in as a test sees it.

    Attributes:
        folder: Where orders and notes are.
    """

    folder: Path

    def order(self, *lives: Orders) -> None:
        """Say how the next processes behave, one after another."""
        write_orders(self.folder, lives)

    @property
    def pids(self) -> list[int]:
        """Process ids of all lives so far, in order."""
        return read_pids(self.folder)

    @property
    def served(self) -> list[Served]:
        """All requests for vectors so far, in order."""
        return read_served(self.folder)


@pytest.fixture(name="tei")
def tei_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalTei:
    """The stand-in, on the PATH."""
    executable = install(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(executable.parent), prepend=os.pathsep)
    folder = tmp_path / "tei"
    folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder))
    return LocalTei(folder)
