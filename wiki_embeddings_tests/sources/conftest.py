from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from wiki_embeddings.downloads.retries import RetryPolicy
from wiki_embeddings.sources import export_download
from wiki_embeddings_tests.standins.dumps import DumpsSite
from wiki_embeddings_tests.support.exports import served


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DumpsSite]:
    """A site of exports that is asked again without long pauses."""
    quick = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, read_timeout_s=0.5)
    monkeypatch.setattr(export_download, "FILE_POLICY", quick)
    with served(monkeypatch, tmp_path / "site") as site:
        yield site
